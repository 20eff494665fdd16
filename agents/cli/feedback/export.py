"""``textenvs feedback export``: a store as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agents.cli.feedback.stores import Stored, open_store
from agents.cli.parse import parse


@dataclass(frozen=True, kw_only=True)
class Options(Stored):
    """Write impressions and events as files."""

    out: Path
    """Folder for the files."""
    format: Literal["jsonl", "parquet"] = "jsonl"
    """JSON lines, or Parquet with typed columns."""
    since: int = 0
    """Only what came after this number; an export prints the one to give next time."""


def run(args: Sequence[str]) -> int:
    """Write the files."""
    options = parse(Options, args, "textenvs feedback export")
    with open_store(options.store) as store:
        from agents.feedback.export import export

        made = export(store, options.out, fmt=options.format, since=options.since)
    print(f"{made.impressions} impressions and {made.events} events in {options.out}")
    print(f"only what is new, next time: --since {made.last_seq}")
    return 0
