"""``textenvs mixture``: what a balanced mixture makes of rows, and the mixed rows themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from agents.cli.options import MixOptions
from agents.cli.parse import parse
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.rows.files import RowFiles
    from agents.rows.mixture import RowMixture


@dataclass(frozen=True)
class Options:
    """Show how often each kind of row would be learned, and write the rows in that order where asked to."""

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Files of rows, {"messages": ..., "kind": ...} a line."""
    mix: Annotated[MixOptions, tyro.conf.arg(name="")] = field(default_factory=MixOptions)
    batch_size: int = 32
    """Rows per batch; in every one, a kind has between 1/1.5 and 1.5 times its share."""
    passes: float = 1.0
    """Rows in all, as a multiple of those there are; less, where a kind would be repeated too often."""
    seed: int = 0
    """Of the order within each kind."""
    out: Path | None = None
    """Write the rows, batch after batch, to this file of JSON lines."""
    json: bool = False
    """Print the plan as JSON."""


def run(args: Sequence[str]) -> int:
    """Plan, print the plan, and write the rows."""
    options = parse(Options, args, "textenvs mixture")
    if not options.files:
        raise UsageError("no files to mix: textenvs mixture rows.jsonl")
    if options.batch_size < 1 or options.passes <= 0:
        raise UsageError(f"--batch-size {options.batch_size} --passes {options.passes}: both must be above 0")
    if options.out is not None and options.out.exists():
        raise UsageError(f"--out {str(options.out)!r} is there already; choose another file")
    from agents.rows.files import RowFiles
    from agents.rows.mixture import MixtureConfig, RowMixture

    rows = RowFiles(options.files)
    config = options.mix.config() or MixtureConfig()
    mixture = RowMixture(rows.kinds, options.batch_size, config, options.seed, options.passes)
    _print(mixture, options.json)
    if options.out is not None:
        _write(rows, mixture, options.out)
    return 0


def _print(mixture: RowMixture, as_json: bool) -> None:
    plan = mixture.plan()
    if as_json:
        print(json.dumps({"batches": len(mixture), "kinds": [asdict(kind) for kind in plan]}, indent=1))
        return
    from rich.console import Console

    from agents.cli.console import print_rows

    cells = [
        (one.kind, f"{one.rows:,}", f"{one.share:.1%}", f"{one.fewest:.1%} to {one.most:.1%}", f"{one.epochs:.2f}")
        for one in plan
    ]
    title = f"{len(mixture):,} batches of {mixture.batch_size}"
    print_rows(Console(), title, ("kind", "rows", "share asked for", "in every batch", "passes"), cells)


def _write(rows: RowFiles, mixture: RowMixture, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for batch in mixture:
            for place in batch:
                file.write(json.dumps(rows[place].as_row(), ensure_ascii=False) + "\n")
