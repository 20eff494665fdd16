"""Training rows as files, one for each kind of signal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from agents.feedback.signals import Signals

NAMES = ("sft", "preference", "unpaired", "rewards")
"""The kinds; each is written to a file ``NAME.jsonl``."""


def write_signals(found: Signals, folder: Path) -> Mapping[str, int]:
    """Write every kind as JSON lines, and return how many rows each has.

    Args:
        found: the rows.
        folder: for the files, made if absent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for name in NAMES:
        rows = getattr(found, name)
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        counts[name] = len(rows)
    return counts
