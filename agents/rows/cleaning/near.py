"""Near-duplicates: candidates by MinHash and locality-sensitive hashing, each of them compared in full.

Broder 1997, "On the resemblance and containment of documents"; the hashing is datasketch's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple, cast

from datasketch import MinHash, MinHashLSH

from agents.rows.cleaning.entry import Entry, normal

SHINGLE = 5
"""Characters of one shingle."""

_PERMUTATIONS = 128
_MARGIN = 0.15
"""How far below the threshold candidates are looked for, so that next to none above it is missed."""


class Place(NamedTuple):
    """Where a row stands, so that it can be read again and need not be kept."""

    path: Path
    number: int
    start: int

    def read(self) -> Entry:
        """Read the row."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return Entry(*self, json.loads(file.readline().decode("utf-8-sig")))


class NearDuplicate:
    """Rows whose character 5-grams are nearly those of an earlier one; what the system says is left out.

    Args:
        threshold: Jaccard similarity from which a row is a near-duplicate.
    """

    reason = "near-duplicate"

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._index = MinHashLSH(max(0.1, threshold - _MARGIN), _PERMUTATIONS)
        self._kept: list[Place] = []
        self._latest: tuple[Entry, MinHash] | None = None

    def problem(self, entry: Entry) -> str:
        """Look for an earlier row that is nearly the same."""
        grams = shingles(entry.text)
        if not grams:
            return ""
        sketch = _sketch(grams)
        self._latest = (entry, sketch)
        for number in sorted(cast("list[int]", self._index.query(sketch))):
            other = self._kept[number].read()
            likeness = jaccard(grams, shingles(other.text))
            if likeness >= self._threshold:
                return f"{likeness:.0%} like {other.place}"
        return ""

    def keep(self, entry: Entry) -> None:
        """Remember the row."""
        if self._latest is not None and self._latest[0] is entry:
            self._index.insert(len(self._kept), self._latest[1])
            self._kept.append(Place(entry.path, entry.number, entry.start))


def shingles(text: str) -> frozenset[str]:
    """Return the character 5-grams of a text; none of a shorter one."""
    text = normal(text)
    return frozenset(text[place : place + SHINGLE] for place in range(len(text) - SHINGLE + 1))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Return what two sets have in common, as a share of what is in either."""
    return len(a & b) / len(a | b)


def _sketch(grams: frozenset[str]) -> MinHash:
    sketch = MinHash(_PERMUTATIONS)
    sketch.update_batch([gram.encode("utf-8", "surrogatepass") for gram in grams])
    return sketch
