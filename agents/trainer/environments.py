"""From what a user gives as the environment to what the collector plays with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from textenvs import TextEnv
from textenvs.errors import ConfigError

EnvSource = str | gym.Env[Any, Any] | Callable[[], gym.Env[Any, Any]]
"""An id, an environment, or a function that makes one."""


@dataclass(frozen=True)
class Environments:
    """Where environments come from, and how their items are named.

    Attributes:
        source: a function that makes one, or a single environment in a list, which plays one episode at a time.
        named_items: whether they take ``reset(options={"index": i})``.
        n_items: how many items there are, if it is a finite corpus.
    """

    source: Callable[[], gym.Env[Any, Any]] | list[gym.Env[Any, Any]]
    named_items: bool
    n_items: int | None


def open_environments(env: EnvSource, kwargs: Mapping[str, Any]) -> Environments:
    """Look at one environment, and keep it as the first that is played.

    Args:
        env: what the user gave.
        kwargs: for `gymnasium.make`, with an id.

    Raises:
        ConfigError: if `kwargs` are given without an id.
    """
    if kwargs and not isinstance(env, str):
        raise ConfigError(f"env_kwargs={dict(kwargs)} need an environment's id; this environment is already made")
    if isinstance(env, gym.Env):
        return Environments([env], *_items(env))
    make = _maker(env, kwargs) if isinstance(env, str) else env
    first = make()
    supply = _first_then(first, make)
    return Environments(lambda: next(supply), *_items(first))


def _maker(env_id: str, kwargs: Mapping[str, Any]) -> Callable[[], gym.Env[Any, Any]]:
    """Return what makes an environment from its id; `textenvs`, imported above, has registered its own."""
    return lambda: gym.make(env_id, disable_env_checker=True, **kwargs)


def _first_then(first: gym.Env[Any, Any], make: Callable[[], gym.Env[Any, Any]]) -> Iterator[gym.Env[Any, Any]]:
    yield first
    while True:
        yield make()


def _items(env: gym.Env[Any, Any]) -> tuple[bool, int | None]:
    """Return whether the environment's items have names, and how many there are."""
    inner = env.unwrapped
    return isinstance(inner, TextEnv), getattr(inner, "n_items", None)
