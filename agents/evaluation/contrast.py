"""Contrast: two evaluations of the same items, with a corrected test and what it would take where nothing is clear."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from agents.evaluation.results import EvaluationResult, Measure
from agents.evaluation.scorecard import ALL
from agents.evaluation.significance import detectable_difference, holm, items_needed, permutation_test
from agents.evaluation.statistics import FloatArray, Interval, mean_interval, share_interval
from textenvs.errors import ConfigError

LEVEL = 0.05
"""Of the corrected test."""

MEASURES: Mapping[str, Measure] = {
    "success": lambda episode: episode.success,
    "return": lambda episode: episode.episode_return,
    "turns": lambda episode: float(len(episode.turns)),
    "tokens": lambda episode: episode.tokens,
}
"""What two evaluations can be compared by."""
SHARES = ("success",)
"""Those of them that lie between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """B against A on the items of one group, or on all of them.

    Attributes:
        name: of the group; `ALL` for all of them.
        a, b: means over items, with their intervals.
        difference: b - a, paired by item, with a t interval.
        p: of the sign-flip permutation test.
        corrected: p corrected over all rows of the table by Holm.
        needed: items that would show a difference as large as this with 80 % power.
        detectable: smallest difference that these items would have shown with 80 % power.
    """

    name: str
    a: Interval
    b: Interval
    difference: Interval
    p: float
    corrected: float
    needed: float
    detectable: float

    @property
    def conclusive(self) -> bool:
        """Whether the corrected test rejects that the two are alike."""
        return self.corrected < LEVEL

    @property
    def verdict(self) -> str:
        """What can be concluded, in words; and where nothing can, how many more items it would take."""
        if self.conclusive:
            return f"B is {'higher' if self.difference.estimate > 0 else 'lower'}"
        if math.isnan(self.needed):
            return "nothing can be concluded: fewer than two items could be measured"
        if self.detectable == 0:
            return "nothing can be concluded: every item came out alike"
        if math.isinf(self.needed):
            return f"nothing can be concluded: no difference was seen; one of {self.detectable:.3g} would have shown"
        more = max(0, int(self.needed) - self.difference.n)
        if not more:
            return "nothing can be concluded after the correction, though the difference alone is large enough"
        return f"nothing can be concluded; if the true difference is this large, {more:,} more items would show it"

    def as_dict(self) -> dict[str, object]:
        """Return the contrast for JSON."""
        needed = int(self.needed) if math.isfinite(self.needed) else None
        sides = {"a": self.a.as_dict(), "b": self.b.as_dict(), "difference": self.difference.as_dict()}
        detectable = None if math.isnan(self.detectable) else self.detectable
        figures = {"p": self.p, "corrected": self.corrected, "needed": needed, "detectable": detectable}
        return {"name": self.name, **sides, **figures, "verdict": self.verdict}


def contrast(a: EvaluationResult, b: EvaluationResult, measure: str = "success") -> tuple[Contrast, ...]:
    """Compare two evaluations of the same items: over all, and over each group where there are several.

    An item counts once, with the mean of its episodes, so that the two may differ in the number of samples.

    Args:
        a: the evaluation to compare with.
        b: the other.
        measure: one of `MEASURES`, or ``"parts/NAME"``.

    Raises:
        ConfigError: if they hold different items, or there is no such measure.
    """
    if set(a.items) != set(b.items):
        only = len(set(a.items) - set(b.items)), len(set(b.items) - set(a.items))
        raise ConfigError(f"{only[0]} items are in A only, {only[1]} in B only: evaluate both on the same suite")
    value = _measure(a, b, measure)
    side = share_interval if measure in SHARES else mean_interval
    groups = {ALL: (a, b)}
    if len(a.groups) > 1:
        groups |= {group: (a.only(group), b.only(group)) for group in a.groups}
    pairs = {name: (_by_item(one, value), _by_item(other, value)) for name, (one, other) in groups.items()}
    p_values = {name: permutation_test(after - before) for name, (before, after) in pairs.items()}
    corrected = holm(p_values)
    return tuple(
        Contrast(
            name,
            side(before),
            side(after),
            mean_interval(after - before),
            p_values[name],
            corrected[name],
            items_needed(after - before, LEVEL),
            detectable_difference(after - before, LEVEL),
        )
        for name, (before, after) in pairs.items()
    )


def _measure(a: EvaluationResult, b: EvaluationResult, name: str) -> Measure:
    parts = {f"parts/{part}": part for part in a.part_names if part in b.part_names}
    if name in MEASURES:
        return MEASURES[name]
    if name not in parts:
        raise ConfigError(f"measure={name!r}: take one of {', '.join([*MEASURES, *parts])}")
    return lambda episode: episode.part(parts[name])


def _by_item(result: EvaluationResult, measure: Measure) -> FloatArray:
    """Return [items] the mean of every item's episodes, in the order of the items' names; NaN where none could be."""
    values: dict[tuple[str, int, str], list[float]] = {item: [] for item in sorted(set(result.items))}
    for item, value in zip(result.items, result.values(measure), strict=True):
        values[item] += [] if math.isnan(value) else [float(value)]
    return np.array([math.fsum(found) / len(found) if found else math.nan for found in values.values()])
