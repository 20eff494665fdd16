"""The recorded conversations of one split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from textenvs.envs.dialogue.recorded.decisions import Decisions, Record
from textenvs.errors import ConfigError
from textenvs.seeding import PassOrder, Split

_TEST, _VALID = 0.2, 0.1  # shares of the groups


def split_of(group: str) -> Split:
    """Return the split of a group of records or goals, drawn by a hash, so that splits are disjoint."""
    place = int.from_bytes(hashlib.blake2b(group.encode(), digest_size=8).digest(), "little") / 2**64
    if place < _TEST:
        return "test"
    return "valid" if place < _TEST + _VALID else "train"


class RecordedSource:
    """The conversations of one split, drawn without replacement in every pass.

    Args:
        records: of all splits.
        split: which part of them.
        name: of where they come from, for errors.
        instruction: takes the place of the family's own; None keeps that.

    Raises:
        ConfigError: if the split is empty.
    """

    def __init__(self, records: Sequence[Record], split: Split, name: str, instruction: str | None = None) -> None:
        labels = [request.ask for record in records for request in record.requests]
        self._asking = (len(labels) - sum(labels)) / sum(labels) if any(labels) and not all(labels) else 1.0
        self._records = tuple(record for record in records if split_of(record.group) == split)
        self._instruction = instruction
        if not self._records:
            raise ConfigError(f"{name}: none of its {len(records)} conversations is in split={split!r}")
        self._order = PassOrder(len(self._records))

    @property
    def n_items(self) -> int:
        """How many conversations there are."""
        return len(self._records)

    def draw(self, generator: np.random.Generator) -> int:
        """Draw the index of the next conversation."""
        return self._order.draw(generator)

    def episode(self, index: int) -> Decisions:
        """Return the conversation with this index.

        Raises:
            ConfigError: if there are not so many.
        """
        if index >= len(self._records):
            raise ConfigError(f"index {index}: this split has the indices 0 to {len(self._records) - 1}")
        return Decisions(self._records[index], self._asking, self._instruction)
