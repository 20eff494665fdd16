"""What cleaning did, for people and for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from agents.rows.cleaning.config import CleaningConfig

EXAMPLES = 3
"""Rows that are named for each reason."""


@dataclass
class CleaningReport:
    """What became of the rows.

    Attributes:
        config: what was asked for.
        files: that were read.
        read: rows in them.
        kept: rows that passed.
        dropped: rows that were set aside, by reason.
        examples: some of them by reason, as ``"file:line: what is wrong"``.
        kinds: kept rows by kind; ``""`` for those that name none.
        undecided: rows too short to tell their language, all of which passed that rule.
    """

    config: CleaningConfig
    files: tuple[str, ...] = ()
    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter[str])
    examples: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    kinds: Counter[str] = field(default_factory=Counter[str])
    undecided: int = 0

    def drop(self, reason: str, place: str, detail: str) -> None:
        """Count a row that is set aside."""
        self.dropped[reason] += 1
        named = self.examples.setdefault(reason, [])
        if len(named) < EXAMPLES:
            named.append(f"{place}: {detail}")

    def as_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {**vars(self), "config": asdict(self.config)}
