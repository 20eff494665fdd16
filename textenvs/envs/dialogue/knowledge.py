"""What there is to recommend, as frames: candidates by their slots' values, and what users can want of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from textenvs.users.core import FREE

Wants = tuple[int, ...]
"""By slot, the value that is wanted, or `FREE`."""


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """Candidates and how often each is what a user has in mind; free of language.

    Attributes:
        sizes: how many values each slot has.
        rows: the candidates' values, by slot.
        popularity: the candidates' probabilities; they sum to 1.
    """

    sizes: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]
    popularity: tuple[float, ...]

    def right(self, candidate: int, wants: Wants) -> bool:
        """Say whether a candidate has all that is wanted."""
        return candidate in self.matching(wants)

    def matching(self, wants: Wants) -> tuple[int, ...]:
        """Return the candidates that have all that is wanted."""
        return _matching(self.rows, wants)

    def possible(self, wants: Wants) -> bool:
        """Say whether some candidate has all that is wanted."""
        return bool(_matching(self.rows, wants))


@lru_cache(maxsize=1 << 16)
def _matching(rows: tuple[tuple[int, ...], ...], wants: Wants) -> tuple[int, ...]:
    return tuple(number for number, row in enumerate(rows) if fits(row, wants))


def fits(row: Sequence[int], wants: Sequence[int]) -> bool:
    """Say whether these values have all that is wanted."""
    return all(want in (FREE, value) for value, want in zip(row, wants, strict=True))


def goals(kb: KnowledgeBase, free: float) -> dict[Wants, float]:
    """Return what users want that can be had, with probabilities.

    A user has a candidate in mind, and of each of its values, independently, either wants it or does not care.

    Args:
        kb: what there is.
        free: the probability of not caring about a slot.
    """
    found: dict[Wants, float] = {}
    for row, weight in zip(kb.rows, kb.popularity, strict=True):
        for cared in itertools.product((False, True), repeat=len(row)):
            wants = tuple(value if one else FREE for value, one in zip(row, cared, strict=True))
            share = math.prod(1.0 - free if one else free for one in cared)
            if weight * share:
                found[wants] = found.get(wants, 0.0) + weight * share
    return found


def has_impossible(kb: KnowledgeBase, stated: float) -> bool:
    """Say whether there are requests that cannot be met: not every combination of values is there."""
    return stated > 0.0 and len(set(kb.rows)) < math.prod(kb.sizes)


def impossible(kb: KnowledgeBase, stated: float) -> dict[Wants, float]:
    """Return what users want that cannot be had, with probabilities; empty where everything can.

    Such a user tells all of it at once: the slots that it tells are drawn as for any request and their values at
    random, until nothing has them all.

    Args:
        kb: what there is.
        stated: the probability that a request tells a slot.
    """
    found: dict[Wants, float] = {}
    for told in itertools.product((False, True), repeat=len(kb.sizes)):
        weight = math.prod(stated / size if one else 1.0 - stated for one, size in zip(told, kb.sizes, strict=True))
        found.update({wants: weight for wants in _over(told, kb.sizes) if weight and not kb.possible(wants)})
    total = sum(found.values())
    return {wants: weight / total for wants, weight in found.items()}


def _over(told: Sequence[bool], sizes: Sequence[int]) -> Iterator[Wants]:
    """Yield every combination of values of the slots that are told, `FREE` in the others."""
    return itertools.product(*[range(size) if one else (FREE,) for one, size in zip(told, sizes, strict=True)])
