"""Figures for papers: the curves of several runs, those that differ in their seed alone as one with its interval."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agents.evaluation.statistics import Interval, mean_interval
from agents.report.charts import smooth
from agents.report.run_folder import RunData, flatten
from agents.report.sanitize import neutralize
from textenvs.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEED = "seed"
FORMATS = ("pdf", "png", "svg")
DPI = 300
COLOURS = ("#1f6feb", "#d1590b", "#0d8a63", "#8a4bc9", "#b8860b", "#5d6470")
"""The report's own."""


@dataclass(frozen=True)
class Curve:
    """One metric of one setting, over its seeds.

    Attributes:
        label: what tells the setting from the others.
        x: [N] where it was measured.
        intervals: [N] the mean over the seeds, with its 95 % t interval; without one where there is a single seed.
        seeds: how many runs it is made from.
    """

    label: str
    x: Sequence[float]
    intervals: Sequence[Interval]
    seeds: int


def curves(runs: Sequence[RunData], metric: str, x: str = "episodes", weight: float = 0.0) -> list[Curve]:
    """Return a curve for every setting that has the metric.

    Runs of one setting end where the first of them does; where they were not measured at the same places, they are
    interpolated at those of the run with the fewest.

    Args:
        runs: of any settings and seeds.
        metric: its name.
        x: the metric on the horizontal axis.
        weight: of the past in the moving average of each run, in [0, 1); 0 draws what was measured.

    Raises:
        UnknownNameError: if no run has the metric.
    """
    known = {name for run in runs for row in run.metrics for name in row}
    for name in (metric, x):
        if name not in known:
            raise UnknownNameError.of("metric", name, sorted(known), listing="metrics.jsonl in a run folder")
    groups = _by_setting(runs)
    return [
        _curve(label, measured, weight)
        for label, members in zip(_labels(groups), groups, strict=True)
        if (measured := [points for run in members if len(points := _points(run, metric, x))])
    ]


def draw(
    runs: Sequence[RunData],
    metrics: Sequence[str],
    path: Path,
    *,
    x: str = "episodes",
    weight: float = 0.0,
    width: float = 6.5,
    height: float = 2.6,
) -> None:
    """Draw a panel for each metric, side by side, into a file; it needs the extra ``plot``.

    Args:
        runs: to compare.
        metrics: their names.
        path: of the file; its ending says the format.
        x: the metric on the horizontal axis.
        weight: of the past in the moving average of each run.
        width: of the figure, in inches.
        height: likewise.

    Raises:
        UsageError: if matplotlib is not installed, or the format is none of `FORMATS`.
        UnknownNameError: if no run has a metric.
    """
    if path.suffix.removeprefix(".") not in FORMATS:
        raise UsageError(f"{str(path)!r}: a figure ends in {', '.join('.' + name for name in FORMATS)}")
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("matplotlib is not installed: pip install 'textenvs[plot]'") from None
    panels = {metric: curves(runs, metric, x, weight) for metric in metrics}
    with rc_context({"pdf.fonttype": 42, "svg.hashsalt": "textenvs", "font.size": 8}):
        figure = Figure(figsize=(width, height), layout="constrained")
        for axes, (metric, lines) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            _draw_panel(axes, metric, lines, x)
        figure.savefig(path, dpi=DPI, metadata=_undated(path))


def _by_setting(runs: Sequence[RunData]) -> list[list[RunData]]:
    """Return the runs in groups that differ in their seed alone."""
    groups: dict[str, list[RunData]] = {}
    for run in runs:
        setting = {name: value for name, value in run.config.items() if name != SEED}
        groups.setdefault(json.dumps(setting, sort_keys=True), []).append(run)
    return list(groups.values())


def _labels(groups: Sequence[Sequence[RunData]]) -> list[str]:
    """Return what tells the groups apart: the settings that are not the same in all of them, or the run's name."""
    flat = [flatten(group[0].config) for group in groups]
    names = [name for name in dict.fromkeys(n for one in flat for n in one) if name != SEED]
    told = [name for name in names if len({one.get(name) for one in flat}) > 1]
    if not told:
        return [group[0].name for group in groups]
    return [", ".join(_setting(name, one[name]) for name in told if name in one) for one in flat]


def _setting(name: str, value: str) -> str:
    return value if name == "algorithm" else f"{name}={value}"


def _points(run: RunData, metric: str, x: str) -> np.ndarray:
    """Return [M, 2] where the metric was measured, and what was found."""
    pairs = [(row.get(x), row.get(metric)) for row in run.metrics]
    return np.array([pair for pair in pairs if None not in pair], dtype=np.float64)


def _curve(label: str, measured: Sequence[np.ndarray], weight: float) -> Curve:
    """Return the mean of the runs, at the places of the one with the fewest, as far as all of them go."""
    end = min(points[-1, 0] for points in measured)
    places = min(measured, key=len)[:, 0]
    places = places[places <= end]
    values = [np.interp(places, points[:, 0], smooth(points[:, 1].tolist(), weight)) for points in measured]
    intervals = [mean_interval(column) for column in np.array(values).T]
    return Curve(label, places.tolist(), intervals, len(measured))


def _draw_panel(axes: Axes, metric: str, lines: Sequence[Curve], x: str) -> None:
    for place, line in enumerate(lines):
        colour = COLOURS[place % len(COLOURS)]
        label = f"{line.label} ({line.seeds} seeds)" if line.seeds > 1 else line.label
        axes.plot(line.x, [one.estimate for one in line.intervals], color=colour, linewidth=1.4, label=_plain(label))
        low, high = ([getattr(one, end) for one in line.intervals] for end in ("low", "high"))
        if not any(math.isnan(value) for value in low):
            axes.fill_between(line.x, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.set_xlabel(_plain(x.replace("_", " ")))
    axes.set_ylabel(_plain(metric.replace("_", " ")))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.legend(frameon=False)


def _plain(text: str) -> str:
    """Return a text that matplotlib writes as it is, and does not read as a formula."""
    return neutralize(text).replace("$", r"\$")


def _undated(path: Path) -> dict[str, None]:
    """Return metadata that leave the date out, so that the same runs give the same file."""
    return {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}.get(path.suffix, {})
