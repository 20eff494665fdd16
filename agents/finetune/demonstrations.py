"""Demonstrations: whole conversations that an environment's oracle has played."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from textenvs.core import TextEnv
from textenvs.errors import ConfigError
from textenvs.messages import Message


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One conversation to learn from; every assistant turn in it is imitated.

    Attributes:
        messages: system (the instruction), user, assistant and tool messages in order, the last by the assistant.
        tools: JSON Schemas on offer, as JSON text.
    """

    messages: Sequence[Mapping[str, str]]
    tools: tuple[str, ...] = ()


def oracle_rows(
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    n: int | None = None,
    seed: int = 0,
    indices: Iterable[int] | None = None,
) -> list[Demonstration]:
    """Let an environment's oracle play episodes, and return them as demonstrations.

    Args:
        env_id: of a registered environment.
        env_kwargs: for `gymnasium.make`; the reward is not asked for.
        n: how many episodes to draw; needed unless `indices` names them.
        seed: of the items drawn.
        indices: the items to play, in this order.

    Raises:
        ConfigError: if the environment has no oracle, or neither `n` nor `indices` is given.
    """
    if (n is None) == (indices is None):
        raise ConfigError("give either n (how many episodes to draw) or indices (which items)")
    env = gym.make(env_id, disable_env_checker=True, **dict(env_kwargs or {})).unwrapped
    if not isinstance(env, TextEnv):
        raise ConfigError(f"{env_id} has no oracle: demonstrations need an environment built on textenvs.TextEnv")
    if indices is not None:
        return [_play(env, options={"index": index}) for index in indices]
    return [_play(env, seed=None if row else seed) for row in range(n or 0)]


def _play(env: TextEnv, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Demonstration:
    """Play one episode by `advance`, which never asks the reward."""
    env.reset(seed=seed, options=options)
    turn = env.advance(env.oracle_action())
    while not turn.last:
        turn = env.advance(env.oracle_action())
    said = (*turn.history, Message("assistant", turn.action))
    return Demonstration((Message("system", turn.instruction), *said) if turn.instruction else said, turn.tools)
