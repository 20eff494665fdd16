"""Drills in looking things up: demonstrations in which nothing is asked but to find an entry of a list.

A small model from scratch sees a whole conversation for one or two answers, and takes long to learn that the entry
which it names has to have everything that was told. In a drill the same list is asked again and again: the user
names what an entry has, in any order and only as much as tells it from the others, and the answer names the entry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from agents.rows.demonstration import Demonstration

_ENTRY = re.compile(r"^- (?P<features>[^:：\n]+)[:：] ?(?P<name>[^,，\n]+)", re.MULTILINE)
"""A line of a list: ``- feature, feature: name``, and whatever follows; in Chinese with its own marks."""
_BETWEEN = re.compile(r", |，")

LOOKUPS = 6
"""Questions of a drill."""


class Entry(NamedTuple):
    """A line of a list.

    Attributes:
        name: of the thing.
        features: that it has.
        mark: that stands between them.
    """

    name: str
    features: tuple[str, ...]
    mark: str


def lookup_drills(rows: Sequence[Demonstration], n: int, seed: int) -> list[Demonstration]:
    """Return drills in finding entries of the lists that demonstrations begin with.

    Args:
        rows: demonstrations; those with a list in their system message, and an answer that names one of its entries,
            are the pattern.
        n: how many drills.
        seed: of the choices.

    Returns:
        The same lists with other questions; none if no demonstration begins with a list.
    """
    generator = np.random.default_rng(seed)
    patterns = [pattern for row in rows if (pattern := _pattern(row))]
    return [_drill(*patterns[generator.integers(len(patterns))], generator) for _ in range(n if patterns else 0)]


def _pattern(row: Demonstration) -> tuple[Demonstration, list[Entry], str] | None:
    """Return a row with the entries of its list and the frame of an answer; None if it has no such answer."""
    if not row.messages or row.messages[0]["role"] != "system":
        return None
    found = [
        Entry(line["name"], tuple(_BETWEEN.split(line["features"])), "，" if "，" in line["features"] else ", ")
        for line in _ENTRY.finditer(row.messages[0]["content"])
    ]
    answers = [message["content"] for message in row.messages if message["role"] == "assistant"]
    frames = [answer.replace(one.name, "{}") for answer in answers for one in found if one.name in answer]
    return (row, found, frames[0]) if frames else None


def _drill(row: Demonstration, entries: Sequence[Entry], frame: str, generator: np.random.Generator) -> Demonstration:
    messages = [row.messages[0]]
    for chosen in generator.integers(len(entries), size=LOOKUPS):
        messages.append({"role": "user", "content": _question(entries[chosen], entries, generator)})
        messages.append({"role": "assistant", "content": frame.replace("{}", entries[chosen].name)})
    return Demonstration(tuple(messages), row.tools, row.kind)


def _question(entry: Entry, entries: Sequence[Entry], generator: np.random.Generator) -> str:
    """Name as many features of an entry, in any order, as no other entry has all of."""
    told: list[str] = []
    for number in generator.permutation(len(entry.features)):
        told.append(entry.features[number])
        if sum(set(told) <= set(other.features) for other in entries) == 1:
            break
    return entry.mark.join(told)
