"""From what a user gives as the environment to what the collector plays with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym

from textenvs import TextEnv
from textenvs.envs.mixed.env import MixedTasks
from textenvs.vector import Supply

EnvSource = str | gym.Env[Any, Any] | Callable[[], gym.Env[Any, Any]]
"""An id, an environment, or a function that makes one."""


@dataclass(frozen=True)
class Environments:
    """Where environments come from, and how their items are named.

    Attributes:
        source: makes them; or holds a single one, which plays one episode at a time.
        named_items: whether they take ``reset(options={"index": i})``.
        n_items: how many items there are, if it is a finite corpus.
        given: what the user gave; another process can make environments from it, unless it is one already.
        kwargs: for `gymnasium.make`, with an id.
        shares: of the tasks, in order, if it is a mixture of several; see `textenvs.envs.mixed.env.MixedTasks`.
    """

    source: Supply
    named_items: bool
    n_items: int | None
    given: EnvSource
    kwargs: Mapping[str, Any]
    shares: Mapping[str, float] = field(default_factory=dict[str, float])


def open_environments(env: EnvSource, kwargs: Mapping[str, Any]) -> Environments:
    """Look at one environment; it is the first that is played.

    Args:
        env: what the user gave.
        kwargs: for `gymnasium.make`, with an id; `textenvs`, imported above, has registered its own.

    Raises:
        ConfigError: if `kwargs` are given without an id.
    """
    supply = Supply([env] if isinstance(env, gym.Env) else env, kwargs)
    inner = supply.first.unwrapped
    shares = inner.shares if isinstance(inner, MixedTasks) else {}
    n_items = getattr(inner, "n_items", None)
    return Environments(supply, isinstance(inner, TextEnv), n_items, env, kwargs, shares)
