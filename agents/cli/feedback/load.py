"""``textenvs feedback load``: old logs into a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.cli.feedback.stores import Stored, open_store
from agents.cli.parse import parse
from agents.report.sanitize import neutralize
from textenvs.errors import UsageError

SHOWN = 10
"""Refused lines that are named."""


@dataclass(frozen=True, kw_only=True)
class Options(Stored):
    """Append old logs: JSON lines, each an impression or an event; an export can be loaded again."""

    file: Path
    """The file; an impression stands before its events."""


def run(args: Sequence[str]) -> int:
    """Append the lines."""
    options = parse(Options, args, "textenvs feedback load")
    if not options.file.is_file():
        raise UsageError(f"--file {str(options.file)!r}: there is no such file")
    with open_store(options.store, new=True, old_logs=True) as store:
        from agents.feedback.load import load

        found = load(store, options.file)
    print(f"{found.stored} stored, {found.duplicates} there already, {len(found.refused)} refused")
    for line, refusal in found.refused[:SHOWN]:
        print(neutralize(f"{options.file}:{line}: {refusal.reason}: {refusal.detail}"))
    return 0
