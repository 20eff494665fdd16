"""GEM's environments that are played in text alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textenvs.adapters.games import Game, GameEnv, GameStep, library

WON = 1.0
"""The reward of the action with which a game is won."""


class GemGame:
    """One game.

    Args:
        game: its name.
    """

    def __init__(self, game: str) -> None:
        self._env: Any = _library().make(game)
        self._seed = 0

    def begin(self, seed: int) -> str:
        """Begin the game and return its instructions."""
        self._seed = seed
        return str(self._env.reset(seed=seed)[0])

    def step(self, action: str) -> GameStep:
        """Play an action; a limit of the game's own is its end."""
        text, reward, terminated, truncated, _ = self._env.step(action)
        ended = bool(terminated or truncated)
        return GameStep(str(text), float(reward), ended, ended and float(reward) >= WON)

    def solution(self) -> str | None:
        """Return None: the games do not tell."""
        return None

    def content(self) -> str:
        """Return the seed, of which the whole game follows."""
        return str(self._seed)


class GEM(GameEnv):
    """A game of GEM, such as ``"game:Mastermind-v0-easy"``, in its own words and with its own rewards.

    Games that read data sets fetch them when they begin.
    """

    family: ClassVar[str] = "gem"
    origin: ClassVar[str] = "game of GEM"

    @classmethod
    def names(cls) -> Sequence[str]:
        """Return the names of all games."""
        registry: Mapping[str, object] = _library().envs.registration.ENV_REGISTRY
        return sorted(registry)

    def make_game(self) -> Game:
        """Return a game that has not begun."""
        return GemGame(self._name)


def _library() -> Any:
    """Import GEM and its games; it sets up the logging of the whole process, which is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        library("gem.envs", "GEM-v0", "gem")
        return library("gem", "GEM-v0", "gem")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
