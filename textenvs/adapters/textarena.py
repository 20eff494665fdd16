"""TextArena's single-player games."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textenvs.adapters.games import Game, GameEnv, GameStep, library

PLAYER = 0
"""Number of the only player."""

WON = 1.0
"""The reward of a game that is won; some pay a share of it for what was reached."""

MALFORMED = "Invalid Move: "
"""What the reason begins with where a malformed action has ended a game."""


class ArenaGame:
    """One game.

    Args:
        game: its name.
    """

    def __init__(self, game: str) -> None:
        self._env: Any = _library().make(game)
        self._seed = 0

    def begin(self, seed: int) -> str:
        """Begin the game and return its prompt."""
        self._seed = seed
        self._env.reset(num_players=1, seed=seed)
        if not isinstance(self._env.state, _library().SinglePlayerState):
            raise ValueError("it is a game for several players")
        return self._said()

    def step(self, action: str) -> GameStep:
        """Play an action; the reward is known when the game is over."""
        mistakes = self._mistakes()
        ended, _ = self._env.step(action)
        if not ended:
            return GameStep(self._said(), 0.0, False, invalid=self._mistakes() > mistakes)
        rewards, infos = self._env.close()
        reward, reason = rewards[PLAYER], str(infos[PLAYER].get("reason") or "")
        if isinstance(reward, str):  # some games of TextArena 0.7 hand over reward and reason in the wrong order
            reward, reason = reason.removeprefix(MALFORMED), MALFORMED + reward
        reward = float(reward)
        return GameStep(reason, reward, True, reward >= WON, bool(infos[PLAYER]["invalid_move"]))

    def solution(self) -> str | None:
        """Return None: the games do not tell."""
        return None

    def content(self) -> str:
        """Return the seed, of which the whole game follows."""
        return str(self._seed)

    def _said(self) -> str:
        """Return what the game has said since it was last asked; what the player said is known.

        Some games of TextArena 0.7 put the player's number where the text belongs.
        """
        _, messages = self._env.get_observation()
        return "\n".join(text for speaker, text, _ in messages if speaker != PLAYER and isinstance(text, str)).strip()

    def _mistakes(self) -> int:
        return int(getattr(self._env.state, "error_count", 0))


class TextArena(GameEnv):
    """A single-player game of TextArena, such as ``"GuessTheNumber-v0"``, in its own words; it is paid when it is over.

    Some games fetch lists of words when they begin, or need a key.
    """

    family: ClassVar[str] = "textarena"
    origin: ClassVar[str] = "game of TextArena"

    @classmethod
    def names(cls) -> Sequence[str]:
        """Return the names of all games, those for several players too: a game says how many when it begins."""
        registry: Mapping[str, object] = _library().envs.registration.ENV_REGISTRY
        return sorted(name.removesuffix("-raw") for name in registry if name.endswith("-raw"))

    def make_game(self) -> Game:
        """Return a game that has not begun, without the wrappers that repeat the conversation in every message."""
        return ArenaGame(f"{self._name}-raw")


def _library() -> Any:
    return library("textarena", "TextArena-v0", "textarena")
