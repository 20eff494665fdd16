"""``textenvs report``: write a run's report again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from agents.cli.parse import parse
from agents.cli.stored import same_items


@dataclass(frozen=True)
class Options:
    """Write report.html from what a run left on disk."""

    run: Annotated[Path, tyro.conf.Positional]
    """The run folder, such as runs/quickstart."""
    between: tuple[Path, Path] | None = None
    """Two evaluations, or runs, of the same items: shown side by side in place of before and after."""
    out: Path | None = None
    """Where to write; report.html in the run folder, if not given."""


def run(args: Sequence[str]) -> int:
    """Write the page and say where it is."""
    from agents.report import write_report

    options = parse(Options, args, "textenvs report")
    print(write_report(options.run, options.out, _sides(*options.between) if options.between else None))
    return 0


def _sides(a: Path, b: Path) -> dict[str, list[Mapping[str, Any]]]:
    """Return the episodes of two policies, by what they are called.

    Raises:
        UsageError: if they are of different items, or one is not there.
    """
    names = (a.name, b.name) if a.name != b.name else (str(a), str(b))
    results = same_items(a, b)
    return {
        name: [episode.as_dict() for episode in result.episodes] for name, result in zip(names, results, strict=True)
    }
