"""Where an environment's items come from: a generated world without end, or a list that is gone through in passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from textenvs.core import TextEnv
from textenvs.episode import Episode
from textenvs.errors import ConfigError
from textenvs.seeding import PassOrder, draw_index

T = TypeVar("T")


class Source(Protocol):
    """Gives episodes by index."""

    @property
    def n_items(self) -> int | None:
        """How many episodes there are; None without end."""
        ...

    def draw(self, generator: np.random.Generator) -> int:
        """Draw the index of the next episode."""
        ...

    def episode(self, index: int) -> Episode:
        """Return an episode, ready to be played.

        Raises:
            ConfigError: if there are not so many.
        """
        ...


class Endless:
    """What the sources of generated worlds have in common: every index of the key space is an item."""

    @property
    def n_items(self) -> None:
        """None: there is no end of them."""

    def draw(self, generator: np.random.Generator) -> int:
        """Draw the index of the next episode."""
        return draw_index(generator)


class Listed(Generic[T]):
    """What the sources of files have in common: their items are drawn without replacement in every pass.

    Args:
        items: of one split, at least one.
    """

    def __init__(self, items: Sequence[T]) -> None:
        self._items = items
        self._order = PassOrder(len(items))

    @property
    def n_items(self) -> int:
        """How many items there are."""
        return len(self._items)

    def draw(self, generator: np.random.Generator) -> int:
        """Draw the index of the next item."""
        return self._order.draw(generator)

    def item(self, index: int) -> T:
        """Return the item with this index.

        Raises:
            ConfigError: if there are not so many.
        """
        if index >= len(self._items):
            raise ConfigError(f"index {index}: this split has the indices 0 to {len(self._items) - 1}")
        return self._items[index]


class SourcedEnv(TextEnv):
    """A text environment that takes its episodes from a source, which its `__init__` sets.

    Attributes:
        source: of the episodes of its split.
    """

    source: Source

    @property
    def n_items(self) -> int | None:
        """How many items the split has; None of a generated world, which has no end."""
        return self.source.n_items

    def draw_index(self) -> int:
        """Draw the index of the next item; of a file, without replacement in every pass."""
        return self.source.draw(self.np_random)

    def make_episode(self, index: int) -> Episode:
        """Return the item with this index, ready to be played."""
        return self.source.episode(index)
