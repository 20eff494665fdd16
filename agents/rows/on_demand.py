"""Sequences whose items are read, or made, when they are asked for: what is in a file stays there."""

from __future__ import annotations

import abc
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any, TypeVar, overload

T = TypeVar("T")


class OnDemand(Sequence[T], abc.ABC):
    """A sequence that holds none of its items."""

    @abc.abstractmethod
    def make(self, place: int) -> T:
        """Return the item at a place from 0 to ``len(self) - 1``."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        """Return an item, or several."""
        places = range(len(self))[index]
        return self.make(places) if isinstance(places, int) else [self.make(place) for place in places]


class Joined(OnDemand[T]):
    """Several sequences as one, the one after the other; none of them is copied.

    Args:
        parts: the sequences.
    """

    def __init__(self, parts: Iterable[Sequence[T]]) -> None:
        self._parts = list(parts)
        self._ends = list(accumulate(map(len, self._parts)))

    def __len__(self) -> int:
        """Return how many items there are."""
        return self._ends[-1] if self._ends else 0

    def make(self, place: int) -> T:
        """Return the item at a place."""
        number = bisect_right(self._ends, place)
        return self._parts[number][place - self._ends[number] + len(self._parts[number])]


class Mapped(OnDemand[T]):
    """What a function makes of the items of another sequence.

    Args:
        items: the other sequence.
        function: of one item.
    """

    def __init__(self, items: Sequence[Any], function: Callable[[Any], T]) -> None:
        self._items, self._function = items, function

    def __len__(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def make(self, place: int) -> T:
        """Return what the function makes of the item at a place."""
        return self._function(self._items[place])
