"""``textenvs plot``: figures for papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from agents.cli.parse import parse
from textenvs.errors import UsageError


@dataclass(frozen=True)
class Options:
    """Draw the curves of runs. Those that differ in their seed alone become one, with a 95 % interval over seeds."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Run folders."""
    out: Path = Path("figure.pdf")
    """The file to write: .pdf, .png or .svg."""
    metrics: tuple[str, ...] = ("success", "episode_return")
    """A panel for each; metrics.jsonl in a run folder has them all."""
    x: str = "episodes"
    """The metric on the horizontal axis."""
    smooth: float = 0.0
    """Weight of the past in a moving average of each run; 0 draws what was measured."""
    width: float = 6.5
    """Of the figure, in inches."""
    height: float = 2.6
    """Of the figure, in inches."""


def run(args: Sequence[str]) -> int:
    """Draw the figure and say where it is."""
    options = parse(Options, args, "textenvs plot")
    if not options.runs:
        raise UsageError("name the runs, as in: textenvs plot runs/ppo-0 runs/ppo-1 runs/grpo-0")
    if not 0 <= options.smooth < 1:
        raise UsageError(f"--smooth {options.smooth}: a weight in [0, 1)")
    from agents.report.figures import draw
    from agents.report.run_folder import read_run

    draw(
        [read_run(folder) for folder in options.runs],
        options.metrics,
        options.out,
        x=options.x,
        weight=options.smooth,
        width=options.width,
        height=options.height,
    )
    print(options.out)
    return 0
