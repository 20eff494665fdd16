"""MixedTasks-v0: several text environments behind one id, an item of one of them at every reset."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import gymnasium as gym

from textenvs.core import Baseline, Honest, TextEnv
from textenvs.envs.mixed.menu import MixedMenu
from textenvs.envs.mixed.reward import SEPARATOR, ByTask
from textenvs.episode import Episode, Outcome
from textenvs.errors import ConfigError, UnknownNameError
from textenvs.menus import menu_of
from textenvs.messages import Message
from textenvs.rewards.core import Reward, RewardFunction
from textenvs.rewards.spec import RewardSpec
from textenvs.seeding import Split
from textenvs.settlement import Observation, RewardTiming
from textenvs.spec import find_spec, settings_of

TASKS: Mapping[str, Mapping[str, Any]] = {
    "rewrite": {"id": "MultiTurnRewrite-v0"},
    "toolcall": {"id": "ToolCall-v0"},
    "dialogue": {"id": "DialogueStrategy-v0"},
}
"""What is mixed where nothing else is asked for."""


@dataclass
class MixedEpisode:
    """An item of one task; its name begins with that of the task.

    Attributes:
        task: the task's name.
        inner: the item as its own environment made it.
    """

    task: str
    inner: Episode

    @property
    def task_id(self) -> str:
        """Name of the item, after that of its task."""
        return f"{self.task}{SEPARATOR}{self.inner.task_id}"

    @property
    def instruction(self) -> str:
        """What the agent is told to do."""
        return self.inner.instruction

    @property
    def tools(self) -> tuple[str, ...]:
        """JSON Schemas of the tools on offer, as JSON text."""
        return self.inner.tools

    @property
    def opening(self) -> tuple[Message, ...]:
        """The conversation before the first action."""
        return self.inner.opening

    def act(self, action: str) -> Outcome:
        """Move the world by one action."""
        return self.inner.act(action)

    def oracle(self) -> str:
        """Return the best action at this point."""
        return self.inner.oracle()

    def content(self) -> str:
        """Return a canonical text of the item."""
        return f"{self.task}{SEPARATOR}{self.inner.content()}"

    def fork(self) -> Self:
        """Return an independent copy at this point of the episode."""
        return type(self)(self.task, self.inner.fork())


class MixedTasks(TextEnv):
    """Several text environments as one.

    Item ``i`` is item ``i // n`` of task ``i % n``, of `n` tasks; of a finite corpus, which has no such item, the one
    that is left when its size is taken away as often as possible. An item drawn by a seed is of each task with the
    probability of its share; a trainer keeps the shares in every update (`agents.mixture`).

    Attributes:
        envs: the environments, by task.
        shares: of the tasks, with sum 1.

    Args:
        tasks: by name, the ``id`` of an environment, if need be its ``share`` (1, if not given), and its settings; the
            three families, if not given.
        language: of every task that has this setting and does not give it.
        split: see `TextEnv`.
        reward: of every turn, whatever its task; each task's own, if not given.
        reward_timing: see `TextEnv`; it holds for all tasks.
        render_mode: see `TextEnv`.

    Raises:
        UsageError: if there are no tasks, or one is no text environment or has other settings; if a share is not above
            0, or a name holds a slash.
    """

    family: ClassVar[str] = "mixed"
    oracle_is_certain: ClassVar[bool] = False

    def __init__(
        self,
        *,
        tasks: Mapping[str, Mapping[str, Any]] | None = None,
        language: str | None = None,
        split: Split = "train",
        reward: RewardSpec | None = None,
        reward_timing: RewardTiming = "turn",
        render_mode: str | None = None,
    ) -> None:
        chosen = {name: dict(task) for name, task in (TASKS if tasks is None else tasks).items()}
        weights = {name: _share(name, task.pop("share", 1.0)) for name, task in chosen.items()}
        if not chosen:
            raise ConfigError("tasks={}: give at least one, such as {'rewrite': {'id': 'MultiTurnRewrite-v0'}}")
        total = math.fsum(weights.values())
        self.shares: Mapping[str, float] = {name: weight / total for name, weight in weights.items()}
        self.envs = {name: _make(name, task, language, split) for name, task in chosen.items()}
        super().__init__(split=split, reward=reward, reward_timing=reward_timing, render_mode=render_mode)

    def make_episode(self, index: int) -> MixedEpisode:
        """Return the item `index // n` of task `index % n`."""
        number, place = divmod(index, len(self.envs))
        task, env = list(self.envs.items())[place]
        size = getattr(env, "n_items", None)
        return MixedEpisode(task, env.make_episode(number if size is None else number % size))

    def draw_index(self) -> int:
        """Draw a task by its share, and an item of it."""
        place = int(self.np_random.choice(len(self.envs), p=list(self.shares.values())))
        env = list(self.envs.values())[place]
        env.np_random = self.np_random
        return env.draw_index() * len(self.envs) + place

    def parts(self) -> Mapping[str, RewardFunction]:
        """Return nothing: the parts of one task say nothing about the others."""
        return {}

    def default_reward(self) -> Reward:
        """Return each task's own reward."""
        return ByTask({name: env.reward for name, env in self.envs.items()})

    @property
    def turns_stand_alone(self) -> bool:
        """Whether they do in the task that is played."""
        return self.reward_timing == "turn" and self._playing().turns_stand_alone

    def menu(self) -> MixedMenu:
        """Return the moves and features of all tasks, with which `textenvs.wrappers.Choices` plays this environment.

        Raises:
            ConfigError: if a task has none.
        """
        return MixedMenu({name: menu_of(env) for name, env in self.envs.items()}, self._task)

    def honest(self) -> Honest:
        """Return the honest answers of the task that is played."""
        return self._playing().honest()

    def baselines(self) -> Mapping[str, Baseline]:
        """Return the baselines that all tasks have."""
        first, *others = (env.baselines() for env in self.envs.values())
        return {name: self._baseline(name) for name in first if all(name in other for other in others)}

    def family_of(self, task_id: str) -> str:
        """Return the family of the environment that an item belongs to."""
        return self.envs[task_id.partition(SEPARATOR)[0]].family

    def _baseline(self, name: str) -> Baseline:
        def play(observation: Observation) -> str:
            return self._playing().baselines()[name](observation)

        return play

    def _task(self) -> str:
        """Return the task that is played, its environment at the point where the episode is."""
        self._playing()
        return cast(MixedEpisode, self._current()).task

    def _playing(self) -> TextEnv:
        """Return the environment of the task that is played, at the point where the episode is."""
        episode = cast(MixedEpisode, self._current())
        env = self.envs[episode.task]
        env._episode, env._history, env._turn, env._ended = episode.inner, self._history, self._turn, self._ended
        return env


def _share(name: str, share: Any) -> float:
    if SEPARATOR in name or not name:
        raise ConfigError(f"task {name!r}: a name holds no {SEPARATOR!r}, and is not empty")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < math.inf:
        raise ConfigError(f"share of task {name!r}: {share!r} must be a number above 0")
    return float(share)


def _make(name: str, task: Mapping[str, Any], language: str | None, split: Split) -> TextEnv:
    if "id" not in task:
        raise ConfigError(f"task {name!r} has no 'id', such as 'MultiTurnRewrite-v0'")
    settings: dict[str, Any] = {key: value for key, value in task.items() if key != "id"}
    for key in settings:
        if key in ("split", "reward_timing"):
            raise ConfigError(f"task {name!r}: {key} holds for all tasks; give it to the mixture")
    known = settings_of(find_spec(task["id"]))
    if "split" not in known:
        raise ConfigError(f"task {name!r}: {task['id']} is no text environment: it has no splits")
    if unknown := settings.keys() - known.keys():
        raise UnknownNameError.of(f"setting of task {name!r}, {task['id']},", sorted(unknown)[0], known)
    if language is not None and "language" in known:
        settings = {"language": language, **settings}
    settings["split"] = split
    env = gym.make(task["id"], disable_env_checker=True, **settings).unwrapped
    if not isinstance(env, TextEnv):
        raise ConfigError(f"task {name!r}: {task['id']} is no text environment")
    return env
