"""``textenvs compare``: two evaluations of the same items, and what can be concluded from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from agents.cli.parse import parse
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.evaluation import EvaluationResult


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
    from agents.evaluation.contrast import contrast

    a, b = _same_items(options.a, options.b)
    rows = contrast(a, b, options.measure)
    print_contrasts(Console(), f"{options.measure}: A {options.a}, B {options.b}", rows)
    if options.json is not None:
        record = {"measure": options.measure, "rows": [row.as_dict() for row in rows]}
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


def _same_items(*paths: Path) -> tuple[EvaluationResult, ...]:
    """Read the evaluations.

    Raises:
        UsageError: if what the items are has changed between them.
    """
    from agents.cli.stored import read_stored

    stored = [read_stored(path) for path in paths]
    items = [{one.name: one.digest for one in each.suite.slices} for each in stored]
    if changed := sorted(name for name in items[0].keys() & items[1].keys() if items[0][name] != items[1][name]):
        raise UsageError(f"the items of {', '.join(map(repr, changed))} have changed from A to B; evaluate A again")
    return tuple(each.result for each in stored)
