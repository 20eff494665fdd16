"""``textenvs report``: write a run's report again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.cli.parse import parse


@dataclass(frozen=True)
class Options:
    """Write report.html from what a run left on disk."""

    run: Annotated[Path, tyro.conf.Positional]
    """The run folder, such as runs/quickstart."""
    out: Path | None = None
    """Where to write; report.html in the run folder, if not given."""


def run(args: Sequence[str]) -> int:
    """Write the page and say where it is."""
    from agents.report import write_report

    options = parse(Options, args, "textenvs report")
    print(write_report(options.run, options.out))
    return 0
