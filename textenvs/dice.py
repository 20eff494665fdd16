"""Cheap random choices from one generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import TypeVar

import numpy as np

T = TypeVar("T")

_BLOCK = 64


class Dice:
    """Draws from a generator in blocks: one call of numpy costs as much as a hundred choices made here.

    Args:
        generator: where all the randomness comes from.

    Attributes:
        unit: draws from [0, 1); an endless iterator's next number, because nothing is called so often.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        blocks = (generator.random(_BLOCK)[::-1].tolist() for _ in repeat(None))
        self.unit: Callable[[], float] = chain.from_iterable(blocks).__next__

    def below(self, n: int) -> int:
        """Draw an integer from 0 to ``n - 1``."""
        return int(self.unit() * n)

    def between(self, low: int, high: int) -> int:
        """Draw an integer from `low` to `high`, both included."""
        return low + int(self.unit() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Say yes with this probability."""
        return self.unit() < probability

    def pick(self, items: Sequence[T]) -> T:
        """Draw one of the items."""
        return items[int(self.unit() * len(items))]

    def weighted(self, weights: Sequence[float]) -> int:
        """Draw a position with probability proportional to its weight."""
        left = self.unit() * sum(weights)
        for position, weight in enumerate(weights):
            left -= weight
            if left < 0.0:
                return position
        return len(weights) - 1
