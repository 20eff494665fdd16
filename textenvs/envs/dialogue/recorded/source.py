"""The recorded conversations of one split."""

from __future__ import annotations

from collections.abc import Sequence

from textenvs.envs.dialogue.recorded.decisions import Decisions, Record
from textenvs.errors import ConfigError
from textenvs.seeding import Split, split_of
from textenvs.sources import Listed


class RecordedSource(Listed[Record]):
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
        held = tuple(record for record in records if split_of(record.group) == split)
        if not held:
            raise ConfigError(f"{name}: none of its {len(records)} conversations is in split={split!r}")
        super().__init__(held)
        self._instruction = instruction

    def episode(self, index: int) -> Decisions:
        """Return the conversation with this index; see `item`."""
        return Decisions(self.item(index), self._asking, self._instruction)
