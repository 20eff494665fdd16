"""``textenvs feedback signals``: feedback as rows to train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agents.cli.feedback.stores import Stored, open_store
from agents.cli.parse import parse


@dataclass(frozen=True, kw_only=True)
class Options(Stored):
    """Write what can be trained on: sft, preference, unpaired and rewards, as JSON lines."""

    out: Path
    """Folder for the files."""
    since: int = 0
    """Only impressions that are new since this number, or have a new event."""
    margin: float = 0.25
    """By how much two scores of one annotator must differ to make a pair."""


def run(args: Sequence[str]) -> int:
    """Write the rows."""
    options = parse(Options, args, "textenvs feedback signals")
    with open_store(options.store) as store:
        from agents.feedback.signal_files import write_signals
        from agents.feedback.signals import SignalConfig, signals

        found = signals(store.interactions(options.since), SignalConfig(margin=options.margin))
    for name, rows in write_signals(found, options.out).items():
        print(f"{name}: {rows}")
    for reason, n in found.dropped.items():
        print(f"dropped, {reason}: {n}")
    return 0
