"""Environments and rewards that fail in every way, where their item says so. Worker processes import this module."""

from __future__ import annotations

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
