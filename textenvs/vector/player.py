"""Player: one environment and what a worker does with it."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from textenvs.core import TextEnv
from textenvs.messages import Turn
from textenvs.settlement import Info, StepResult
from textenvs.vector.supply import AnyEnv, Supply

Played = Turn | StepResult
"""What came of an action: the turn, where the parent scores it, or Gymnasium's 5-tuple."""


class Player(Protocol):
    """One environment, here or in another process. One call at a time; any of them may raise."""

    def open(self) -> None:
        """Make the environment, if there is none."""
        ...

    def reset(self, seed: int | None, options: dict[str, Any] | None, progress: float | None) -> tuple[Any, Info]:
        """Begin an episode; see `begin`."""
        ...

    def play(self, action: Any) -> Played:
        """Play one action."""
        ...

    def call(self, name: str, args: tuple[Any, ...]) -> Any:
        """Return the environment's attribute, or what it returns if it can be called."""
        ...

    def drop(self) -> None:
        """Give up the environment: it has raised. The next `open` makes another."""
        ...

    def kill(self) -> None:
        """End a call that hangs, from another thread, if that can be done."""
        ...

    def close(self) -> None:
        """Close the environment for good."""
        ...


class LocalPlayer:
    """Plays an environment of this process.

    Args:
        supply: where it comes from.
        lock: of the supply, which is not made for several threads.
    """

    def __init__(self, supply: Supply, lock: threading.Lock) -> None:
        self._supply = supply
        self._lock = lock
        self._env: AnyEnv | None = None

    def open(self) -> None:
        """Make the environment, if there is none."""
        if self._env is None:
            with self._lock:
                self._env = self._supply.take()

    def reset(self, seed: int | None, options: dict[str, Any] | None, progress: float | None) -> tuple[Any, Info]:
        """Begin an episode; see `begin`."""
        return begin(self._opened, seed, options, progress)

    def play(self, action: Any) -> Played:
        """Advance a text environment whose reward the parent asks; step any other."""
        return play(self._opened, action, splits=self._supply.splits)

    def call(self, name: str, args: tuple[Any, ...]) -> Any:
        """Return the environment's attribute, or what it returns if it can be called."""
        return call(self._opened, name, args)

    def drop(self) -> None:
        """Give the environment back to where it came from."""
        env, self._env = self._env, None
        if env is not None:
            with self._lock:
                self._supply.give_back(env)

    def kill(self) -> None:
        """Do nothing: a thread cannot be ended. It is left behind, and ends when its call returns."""

    def close(self) -> None:
        """Close the environment for good."""
        env, self._env = self._env, None
        if env is not None:
            env.close()

    @property
    def _opened(self) -> AnyEnv:
        if self._env is None:
            raise RuntimeError("the player has no environment: call open() first")
        return self._env


def begin(env: AnyEnv, seed: int | None, options: dict[str, Any] | None, progress: float | None) -> tuple[Any, Info]:
    """Begin an episode.

    Args:
        env: to be reset.
        seed: for its `reset`.
        options: for its `reset`.
        progress: how far training has come, for an environment that scores itself; None is no news.
    """
    if progress is not None and env.has_wrapper_attr("set_progress"):
        env.get_wrapper_attr("set_progress")(progress)
    return env.reset(seed=seed, options=options)


def play(env: AnyEnv, action: Any, *, splits: bool) -> Played:
    """Advance a text environment whose reward is asked elsewhere; step any other."""
    if not splits:
        return env.step(action)  # type: ignore[return-value]
    inner = env.unwrapped
    assert isinstance(inner, TextEnv)  # noqa: S101 (what `Supply.splits` means)
    return inner.advance(action)


def call(env: AnyEnv, name: str, args: tuple[Any, ...]) -> Any:
    """Return an attribute of the environment or of a wrapper, or what it returns if it can be called."""
    attribute = env.get_wrapper_attr(name)
    return attribute(*args) if callable(attribute) else attribute
