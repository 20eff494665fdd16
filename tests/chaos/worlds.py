"""Environments and rewards that fail in every way, where their item says so. Worker processes import this module."""

from __future__ import annotations

import hashlib
import math
import os
import sys
import time
from dataclasses import dataclass

from tests.toy import EchoEnv, EchoEpisode
from textenvs import Outcome, Turn

RAISES, HANGS, DIES = 1, 2, 3
"""The item's number modulo 20, and what its world does with the second action."""

HANG_S = 1.0


@dataclass
class TroubledEpisode(EchoEpisode):
    """An echo whose second action meets what the item says."""

    def act(self, action: str) -> Outcome:
        trouble = self.index % 20 if self.turn == 1 else 0
        if trouble == RAISES:
            raise RuntimeError("the world broke")
        if trouble == HANGS:
            time.sleep(HANG_S)
        if trouble == DIES:
            os._exit(7)
        return super().act(action)

    def fork(self) -> TroubledEpisode:
        return TroubledEpisode(self.index, self.words, self.turn, self.right)


class TroubledEnv(EchoEnv):
    """Echo, with the trouble that the item's number names."""

    def make_episode(self, index: int) -> TroubledEpisode:
        return TroubledEpisode(index, super().make_episode(index).words)

    def modules(self) -> list[str]:
        """Return what the process has imported."""
        return sorted(sys.modules)

    def process(self) -> int:
        """Return the number of the process."""
        return os.getpid()


class EndlessEnv(EchoEnv):
    """Every action takes for ever."""

    def advance(self, action: str) -> Turn:
        time.sleep(3600)
        raise AssertionError("an hour has passed")


class BrokenEnv(EchoEnv):
    """No episode begins."""

    def make_episode(self, index: int) -> EchoEpisode:
        raise RuntimeError("no world today")


def slow_at_first(turn: Turn) -> float:
    """Take long over the first turn."""
    if turn.index == 0:
        time.sleep(0.3)
    return 1.0


CHAOS_HANG_S = 60.0
"""Far beyond every limit: whoever waits for it does not end in time."""


def fate(*parts: object) -> float:
    """Return a number in [0, 1) that hangs on its arguments alone, in every process."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def world_fault(index: int, turn: int, action: str) -> str:
    """Return what the chaotic world does with an action: one in twenty raises, one in twenty hangs."""
    number = fate("world", index, turn, action)
    return "environment_raised" if number < 0.05 else "environment_timed_out" if number < 0.1 else ""


def reward_fault(index: int, turn: int, action: str) -> str:
    """Return what becomes of the chaotic reward: NaN, infinite or raised, one in twenty each."""
    number = fate("reward", index, turn, action)
    return "reward_not_finite" if number < 0.1 else "reward_failed" if number < 0.15 else ""


@dataclass
class ChaoticEpisode(EchoEpisode):
    """An echo that meets the fate of its actions."""

    def act(self, action: str) -> Outcome:
        fault = world_fault(self.index, self.turn, action)
        if fault == "environment_raised":
            raise RuntimeError("the world broke")
        if fault:
            time.sleep(CHAOS_HANG_S)
        return super().act(action)

    def fork(self) -> ChaoticEpisode:
        return ChaoticEpisode(self.index, self.words, self.turn, self.right)


def chaotic(turn: Turn) -> float:
    """A reward that meets its fate; where it does not, a number that hangs on the action."""
    place = int(turn.task_id.split("/")[1]), turn.index, turn.action
    fault = reward_fault(*place)
    if fault == "reward_failed":
        raise RuntimeError("no reward today")
    if fault:
        return math.nan if fate("kind", *place) < 0.5 else math.inf
    return fate("value", *place)


class ChaoticEnv(EchoEnv):
    """Echo, with everything going wrong at random."""

    def __init__(self) -> None:
        super().__init__(reward=chaotic)

    def make_episode(self, index: int) -> ChaoticEpisode:
        return ChaoticEpisode(index, super().make_episode(index).words)
