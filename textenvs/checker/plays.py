"""Play: an episode as it was shown, step by step, so that rules can look at it afterwards."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import gymnasium as gym

from textenvs.core import TextEnv

Say = Callable[[Any, int], str]
"""A policy for examinations: observation and number of the turn to an action."""

TURN_LIMIT = 200
"""Turns after which an episode is left alone."""

TEXT_LIMIT = 200_000
"""Characters of actions after which it is, too: a history is copied at every turn."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step, and how it looked when it was returned.

    Attributes:
        action: that was played; ``""`` for the reset.
        observation, reward, terminated, truncated, info: what came of it; a reset has no reward.
        shown: a hash of all of that, taken at once, so that a later change shows.
        seconds: that it took.
    """

    action: str
    observation: Any
    reward: Any
    terminated: bool
    truncated: bool
    info: dict[str, Any]
    shown: str
    seconds: float

    @property
    def history(self) -> tuple[Any, ...]:
        """The conversation, if the observation has one."""
        return tuple(self.observation["history"])

    @property
    def ended(self) -> bool:
        """Whether the episode ended with it."""
        return self.terminated or self.truncated


@dataclass(frozen=True)
class Play:
    """One episode.

    Attributes:
        policy: name of what played.
        index: of the item.
        opening: what the reset returned.
        steps: one per action.
        error: what `step` raised; ``""`` if nothing.
    """

    policy: str
    index: int
    opening: Step
    steps: list[Step] = field(default_factory=list[Step])
    error: str = ""

    @property
    def states(self) -> list[Step]:
        """The opening and all steps."""
        return [self.opening, *self.steps]

    @property
    def ended(self) -> bool:
        """Whether the episode came to its end."""
        return bool(self.steps) and self.steps[-1].ended

    @property
    def episode_return(self) -> float:
        """The sum of its rewards."""
        return float(sum(step.reward for step in self.steps))

    @property
    def fingerprint(self) -> str:
        """A hash of everything that was shown."""
        return hashlib.sha256("\n".join([*(step.shown for step in self.states), self.error]).encode()).hexdigest()

    def at(self, turn: int) -> str:
        """Name a place in it for the evidence; turn 0 is the reset."""
        return f"item {self.index}, played by {self.policy}, {f'turn {turn}' if turn else 'reset'}"


def begin(env: gym.Env[Any, Any], index: int) -> Step:
    """Reset to an item: by its index where the environment names items, else by an equal seed."""
    start = time.perf_counter()
    named = isinstance(env, TextEnv)
    observation, info = env.reset(options={"index": index}) if named else env.reset(seed=index)
    seconds = time.perf_counter() - start
    return Step("", observation, 0.0, False, False, info, show((observation, info)), seconds)


def take(env: gym.Env[Any, Any], action: str) -> Step:
    """Play one action."""
    start = time.perf_counter()
    result = env.step(action)
    seconds = time.perf_counter() - start
    return Step(action, *result, show(result), seconds)


def play(env: gym.Env[Any, Any], policy: str, say: Say, index: int) -> Play:
    """Play an item to its end, to `TURN_LIMIT` or until `TEXT_LIMIT` is said; what a step raises ends it too."""
    last = opening = begin(env, index)
    steps: list[Step] = []
    said = 0
    while not last.ended and len(steps) < TURN_LIMIT and said < TEXT_LIMIT:
        try:
            last = take(env, say(last.observation, len(steps)))
        except Exception as error:
            return Play(policy, index, opening, steps, f"{type(error).__name__}: {str(error)[:500]}")
        steps.append(last)
        said += len(last.action)
    return Play(policy, index, opening, steps)


def show(value: object) -> str:
    """Return a hash of anything that an environment returns: equal hashes, equal values."""
    return hashlib.sha256(json.dumps(value, default=_plain, sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> object:
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else repr(value)
