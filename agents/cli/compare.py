"""``textenvs compare``: two evaluations of the same items, and what can be concluded from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.cli.parse import parse
from agents.cli.stored import same_items


@dataclass(frozen=True)
class Options:
    """Compare B with A on the same items: paired differences, a corrected test, and a verdict."""

    a: Annotated[Path, tyro.conf.Positional]
    """What `textenvs eval ... --out` or `textenvs train` wrote: the folder, or a .jsonl file of the former."""
    b: Annotated[Path, tyro.conf.Positional]
    """The same, of the other policy."""
    measure: str = "success"
    """What to compare: success, return, turns, tokens, or parts/NAME."""
    json: Path | None = None
    """Write the table to this file too."""


def run(args: Sequence[str]) -> int:
    """Compare, and print the table."""
    options = parse(Options, args, "textenvs compare")

    from rich.console import Console

    from agents.cli.console import print_contrasts
    from agents.evaluation.contrast import SHARES, contrast

    a, b = same_items(options.a, options.b)
    rows = contrast(a, b, options.measure)
    percent = options.measure in SHARES
    title = f"{options.measure}{' %' * percent}: A {options.a}, B {options.b}"
    print_contrasts(Console(), title, rows, percent)
    if options.json is not None:
        record = {"measure": options.measure, "rows": [row.as_dict() for row in rows]}
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0
