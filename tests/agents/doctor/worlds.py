"""Environments with one fault each, importable by name in another process."""

from __future__ import annotations

import random

import gymnasium as gym

from tests.toy import EchoEnv, EchoEpisode
from textenvs import Outcome


class Hashing(EchoEnv):
    """Its items depend on the hash of a string."""

    def make_episode(self, index: int) -> EchoEpisode:
        return super().make_episode(hash(f"item {index}") % 1000)


class Remembering(EchoEnv):
    """Its items depend on how many episodes this process has played."""

    played = 0

    def make_episode(self, index: int) -> EchoEpisode:
        Remembering.played += 1
        return super().make_episode(index + Remembering.played)


class Meddling(EchoEnv):
    """It draws from the global generator."""

    def make_episode(self, index: int) -> EchoEpisode:
        random.random()  # noqa: S311 (the fault)
        return super().make_episode(index)


class Failing(EchoEpisode):
    def act(self, action: str) -> Outcome:
        if self.turn == 1:
            raise OSError("the line is down")
        return super().act(action)


class Breaking(EchoEnv):
    """It raises in every second turn."""

    def make_episode(self, index: int) -> EchoEpisode:
        return Failing(index, super().make_episode(index).words)


for made in (EchoEnv, Hashing, Remembering, Meddling, Breaking):
    gym.register(f"{made.__name__}-v0", entry_point=made)
