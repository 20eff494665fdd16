"""Advice: what every move is worth where an episode stands, of environments that know it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

MoveSort = Literal["question", "answer", "stop", "offer"]
"""What a move is for: to learn more, to give what is wanted, to end the conversation, or to offer more."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What one move is worth.

    Attributes:
        action: the text that makes the move.
        sort: what it is for.
        worth: the return that can be expected of the rest of the episode with it, and the best moves after it.
        gain: how much more that is than the best move of any other sort brings: of a question, what asking is worth; of
            a stop, how much better it is to stop than to go on.
    """

    action: str
    sort: MoveSort
    worth: float
    gain: float


@runtime_checkable
class Adviser(Protocol):
    """A text environment that knows what every move is worth."""

    def advice(self) -> Sequence[Advice]:
        """Return the moves at this point of the episode, the best one first.

        Raises:
            ConfigError: if the optimum is not known with these settings.
        """
        ...


def ranked(worths: Sequence[tuple[str, MoveSort, float]]) -> list[Advice]:
    """Return advice on moves, the best one first.

    Args:
        worths: text, sort and worth of every move.
    """
    best: dict[MoveSort, float] = {}
    for _, sort, worth in worths:
        best[sort] = max(worth, best.get(sort, worth))
    found = [
        Advice(action, sort, worth, worth - max((one for other, one in best.items() if other != sort), default=worth))
        for action, sort, worth in worths
    ]
    return sorted(found, key=lambda one: one.worth, reverse=True)
