"""Demonstrations: whole conversations that an environment's oracle has played."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from agents.rows.demonstration import Demonstration
from agents.rows.kinds import kind_of_demonstration
from textenvs.core import Observation, TextEnv
from textenvs.envs.mixed.env import MixedTasks
from textenvs.errors import ConfigError, check_known
from textenvs.messages import Message

__all__ = ["Annotator", "Demonstration", "oracle_rows"]

ORACLE = "oracle"
"""The baseline that demonstrates, unless another is named."""
CARELESS = "careless"
"""The baseline that plays in a lapse, unless another is named."""


def oracle_rows(
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    n: int | None = None,
    seed: int = 0,
    indices: Iterable[int] | None = None,
    lapses: float = 0.0,
    demonstrator: str = ORACLE,
    lapse: str = CARELESS,
) -> list[Demonstration]:
    """Let an environment's oracle, or another of its baselines, play episodes, and return them as demonstrations.

    Args:
        env_id: of a registered environment.
        env_kwargs: for `gymnasium.make`; the reward is not asked for.
        n: how many episodes to draw; needed unless `indices` names them.
        seed: of the items drawn, and of the lapses.
        indices: the items to play, in this order.
        lapses: how careless the annotator is: the probability, at every turn, of doing what the baseline `lapse` does.
            Real annotations are like that, and a policy that imitates them leaves something for reinforcement
            learning to find.
        demonstrator: the baseline that plays.
        lapse: the baseline that plays in a lapse.

    Raises:
        ConfigError: if the environment has no oracle, `lapses` is no probability, or neither `n` nor `indices` is
            given.
        UnknownNameError: if the environment has no such baselines.
    """
    if (n is None) == (indices is None):
        raise ConfigError("give either n (how many episodes to draw) or indices (which items)")
    if not 0.0 <= lapses <= 1.0:
        raise ConfigError(f"lapses={lapses}: give a probability between 0 and 1")
    env = gym.make(env_id, disable_env_checker=True, **dict(env_kwargs or {})).unwrapped
    if not isinstance(env, TextEnv):
        raise ConfigError(f"{env_id} has no oracle: demonstrations need an environment built on textenvs.TextEnv")
    annotator = Annotator(env, lapses, seed, demonstrator, lapse)
    if indices is not None:
        return [annotator.play(options={"index": index}) for index in indices]
    return [annotator.play(seed=None if row else seed) for row in range(n or 0)]


class Annotator:
    """Plays an environment as one of its baselines does, but for lapses.

    Args:
        env: to play.
        lapses: see `oracle_rows`.
        seed: of the lapses.
        demonstrator: the baseline.
        lapse: the baseline that plays in a lapse; not asked for where there are none.

    Raises:
        UnknownNameError: if the environment has no such baselines.
    """

    def __init__(
        self, env: TextEnv, lapses: float, seed: int, demonstrator: str = ORACLE, lapse: str = CARELESS
    ) -> None:
        self._env = env
        self._lapses = lapses
        self._generator = np.random.default_rng(seed)
        baselines = env.baselines()
        for kind, name in (("demonstrator", demonstrator), *([("lapse", lapse)] if lapses else [])):
            check_known(kind, name, baselines)
        self._careful = baselines[demonstrator]
        self._careless = baselines.get(lapse, self._careful)

    def play(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Demonstration:
        """Play one episode by `TextEnv.advance`, which never asks the reward."""
        observation, _ = self._env.reset(seed=seed, options=options)
        turn = self._env.advance(self._answer(observation))
        while not turn.last:
            said = (*turn.history, Message("assistant", turn.action), *turn.replies)
            turn = self._env.advance(self._answer({**observation, "history": said}))
        said = (*turn.history, Message("assistant", turn.action))
        messages = (Message("system", turn.instruction), *said) if turn.instruction else said
        return Demonstration(messages, turn.tools, kind_of_demonstration(self._family(turn.task_id), said))

    def _family(self, task_id: str) -> str:
        return self._env.family_of(task_id) if isinstance(self._env, MixedTasks) else self._env.family

    def _answer(self, observation: Observation) -> str:
        lapsed = self._generator.random() < self._lapses
        return self._careless(observation) if lapsed else self._careful(observation)
