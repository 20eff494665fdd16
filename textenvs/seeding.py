"""Where randomness comes from: one item is one seed sequence.

An item is named by (environment, split, index). Its generator is derived from that name alone, so the same
name gives the same item in any process, next to any other environment, under any hash seed. The splits
lie in disjoint parts of the key space by construction. Global generators are neither read nor written.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

from textenvs.errors import UnknownNameError

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

INDEX_BITS = 62
"""Width of a drawn item index: with 10,000 draws each, two seeds share one with probability 2e-11."""

_TEST, _VALID = 0.2, 0.1  # shares of the groups


def check_split(split: str) -> Split:
    """Return `split` if it exists.

    Raises:
        UnknownNameError: if it is none of `SPLITS`.
    """
    for known in SPLITS:
        if split == known:
            return known
    raise UnknownNameError.of("split", split, SPLITS)


def split_of(group: str) -> Split:
    """Return the split of recorded or written items that belong together: 70, 10 and 20 % of groups, by a hash."""
    place = _digest(group) / 2**64
    if place < _TEST:
        return "test"
    return "valid" if place < _TEST + _VALID else "train"


def item_generator(env: str, split: Split, index: int) -> np.random.Generator:
    """Return the generator that makes one item, and everything random inside its episode.

    Args:
        env: the environment's name with whatever settings change its items.
        split: which part of the key space.
        index: of the item, >= 0.
    """
    sequence = np.random.SeedSequence((_number_of(env), SPLITS.index(split), index))
    return np.random.Generator(np.random.PCG64(sequence))


def generator_of(text: str) -> np.random.Generator:
    """Return the generator that belongs to a text: for chance that anybody who has read it can repeat."""
    return np.random.Generator(np.random.PCG64(_digest(text)))


@lru_cache(maxsize=1 << 10)
def _number_of(env: str) -> int:
    return _digest(env)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def draw_index(generator: np.random.Generator) -> int:
    """Draw the index of an item, uniform over `INDEX_BITS` bits."""
    return int(generator.integers(1 << INDEX_BITS))


class PassOrder:
    """Draws items without replacement: every item once, in random order, then again in another order.

    Args:
        size: how many items there are.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._generator: np.random.Generator | None = None
        self._rest: list[int] = []

    def draw(self, generator: np.random.Generator) -> int:
        """Return the next index below `size`; another generator (a new seed) begins a new pass."""
        if generator is not self._generator or not self._rest:
            self._generator = generator
            self._rest = generator.permutation(self._size).tolist()
        return self._rest.pop()
