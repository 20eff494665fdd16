"""Near-duplicates: candidates by MinHash and locality-sensitive hashing, each of them compared in full.

Broder 1997, "On the resemblance and containment of documents"; the hashing is datasketch's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from datasketch import MinHash, MinHashLSH

from agents.rows.cleaning.entry import Entry, key, normal
from agents.rows.cleaning.scratch import scratch

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
        self._kept = _Sketches(max(0.1, threshold - _MARGIN))
        self._latest: tuple[Entry, MinHash] | None = None

    def problem(self, entry: Entry) -> str:
        """Look for an earlier row that is nearly the same."""
        grams = shingles(entry.text)
        if not grams:
            return ""
        sketch = _sketch(grams)
        self._latest = (entry, sketch)
        for place in self._kept.alike(sketch):
            other = place.read()
            likeness = jaccard(grams, shingles(other.text))
            if likeness >= self._threshold:
                return f"{likeness:.0%} like {other.place}"
        return ""

    def keep(self, entry: Entry) -> None:
        """Remember the row."""
        if self._latest is not None and self._latest[0] is entry:
            self._kept.add(self._latest[1], Place(entry.path, entry.number, entry.start))


class _Sketches:
    """Sketches of rows by their bands, with their places; a table on disk.

    Two rows are candidates if their sketches have a whole band in common. How many bands there are, and how long, is
    what datasketch's index takes for the threshold.

    Args:
        threshold: Jaccard similarity from which candidates are likely to be found.
    """

    def __init__(self, threshold: float) -> None:
        self._bands: Sequence[tuple[int, int]] = MinHashLSH(threshold, _PERMUTATIONS).hashranges
        self._tables = scratch(
            "place (row INTEGER PRIMARY KEY, path TEXT, number INTEGER, start INTEGER)",
            "band (key INTEGER, row INTEGER, PRIMARY KEY (key, row)) WITHOUT ROWID",
        )

    def alike(self, sketch: MinHash) -> list[Place]:
        """Return the places of the candidates, in the order in which they came."""
        found = self._tables.execute(
            "SELECT path, number, start FROM place WHERE row IN "
            "(SELECT row FROM band WHERE key IN (SELECT value FROM json_each(?))) ORDER BY row",
            (json.dumps(self._keys(sketch)),),
        )
        return [Place(Path(path), number, start) for path, number, start in found]

    def add(self, sketch: MinHash, place: Place) -> None:
        """Remember a row."""
        inserted = self._tables.execute(
            "INSERT INTO place (path, number, start) VALUES (?, ?, ?)", (str(place.path), place.number, place.start)
        )
        bands = ((key, inserted.lastrowid) for key in self._keys(sketch))
        self._tables.executemany("INSERT OR IGNORE INTO band VALUES (?, ?)", bands)

    def _keys(self, sketch: MinHash) -> list[int]:
        """Return a key of each band."""
        hashes = sketch.hashvalues
        return [key(str(band), hashes[slice(*place)].tobytes().hex()) for band, place in enumerate(self._bands)]


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
