"""Asking or answering, without the language: two moves, and what can be seen of a request in numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from textenvs.settlement import Observation

_SAID: Mapping[str, str] = MappingProxyType({"ask": "[ask]", "answer": "[answer]"})
_LONG = 200  # characters beyond which nothing is learned from their number
_LATE = 10  # turns beyond which the same holds
_WORD = re.compile(r"[^\W_]+")


class DecisionMenu:
    """Moves and features of recorded conversations; see `textenvs.wrappers.Menu`.

    Args:
        seen: returns the observation.
    """

    moves = tuple(_SAID)
    features = ("turn", "length", "known", "number", "back_question")

    def __init__(self, seen: Callable[[], Observation]) -> None:
        self._seen = seen

    def look(self) -> list[float]:
        """Return the features, each in [0, 1].

        They are: how late it is, how long the request, which share of its words the instruction holds, whether it has a
        number, and whether it answers a question back.
        """
        seen = self._seen()
        reply, _, request = seen["history"][-1]["content"].rpartition("\nUser: ")
        words = _WORD.findall(request.lower())
        known = set(_WORD.findall(seen["instruction"].lower()))
        decisions = sum(message["role"] == "assistant" for message in seen["history"])
        return [
            min(1.0, decisions / _LATE),
            min(1.0, len(request) / _LONG),
            sum(word in known for word in words) / max(1, len(words)),
            float(any(word.isdecimal() for word in words)),
            float("?" in reply),
        ]

    def say(self, move: int) -> str:
        """Return the text of a move at this point."""
        return _SAID[self.moves[move]]
