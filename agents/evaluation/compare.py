"""Two policies on the same items, side by side: every difference is paired and has its interval."""

from __future__ import annotations

from dataclasses import dataclass

from agents.evaluation.results import EvaluationResult, Measure, paired_items
from agents.evaluation.statistics import Interval, paired_difference


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One measure before and after.

    Attributes:
        name: of the measure, such as ``"success"`` or ``"parts/fluency"``.
        percent: whether it is a share that reads best in percent.
        goal: whether more of it is what the training wants; a number of turns is neither good nor bad.
        before, after: means with their own intervals.
        difference: after - before, paired by item.
    """

    name: str
    percent: bool
    goal: bool
    before: Interval
    after: Interval
    difference: Interval

    def as_dict(self) -> dict[str, object]:
        """Return the row for JSON."""
        sides = {"before": self.before, "after": self.after, "difference": self.difference}
        intervals = {name: interval.as_dict() for name, interval in sides.items()}
        return {"name": self.name, "percent": self.percent, "goal": self.goal, **intervals}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table of measures over one list of items.

    Attributes:
        title: what was evaluated, such as ``"test, greedy, zh"``.
        rows: one per measure.
    """

    title: str
    rows: tuple[ComparisonRow, ...]

    def row(self, name: str) -> ComparisonRow:
        """Return one measure's row.

        Raises:
            KeyError: if the table has none of that name.
        """
        return next((row for row in self.rows if row.name == name), None) or _missing(name)

    def as_dict(self) -> dict[str, object]:
        """Return the table for ``evaluation.json``."""
        return {"title": self.title, "rows": [row.as_dict() for row in self.rows]}


def compare(before: EvaluationResult, after: EvaluationResult, title: str) -> Comparison:
    """Compare two policies on the same items: success, return, every reward part, turns.

    Raises:
        ValueError: if the two hold different items.
    """
    items = paired_items(before, after)
    summaries = before.summary(), after.summary()

    def row(name: str, measure: Measure, *, percent: bool = False, goal: bool = True) -> ComparisonRow:
        difference = paired_difference(before.values(measure), after.values(measure), items)
        return ComparisonRow(name, percent, goal, summaries[0][name], summaries[1][name], difference)

    parts = [
        row(f"parts/{part}", lambda episode, part=part: episode.part(part))
        for part in before.part_names
        if part in after.part_names
    ]
    return Comparison(
        title,
        (
            row("success", lambda episode: episode.success, percent=True),
            row("return", lambda episode: episode.episode_return),
            *parts,
            row("turns", lambda episode: float(len(episode.turns)), goal=False),
        ),
    )


def compare_groups(before: EvaluationResult, after: EvaluationResult, title: str) -> list[Comparison]:
    """Compare over all items and, where there are several groups, over each of them."""
    tables = [compare(before, after, title)]
    if len(before.groups) > 1:
        tables += [compare(before.only(g), after.only(g), f"{title}, {g}") for g in before.groups]
    return tables


def _missing(name: str) -> ComparisonRow:
    raise KeyError(f"the comparison has no row {name!r}")
