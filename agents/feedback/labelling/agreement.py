"""Agreement of annotators: Krippendorff's alpha, with an interval.

It is computed here and not by a library: the ones there are stand under licences that a library of this one's kind
cannot build on, and the whole of it is one sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from agents.evaluation.statistics import FloatArray, Interval, bootstrap_interval
from agents.feedback.events import Ranking, Rating
from agents.feedback.labelling.verdict import PREFERENCE
from agents.feedback.store import Interaction

Metric = Literal["nominal", "ordinal", "interval"]
"""Which values are how far apart: all alike, by the ranks between them, or by their difference."""

Units = dict[tuple[object, ...], dict[str, float]]
"""What was judged: the value that each annotator gave."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far annotators agree about one thing.

    Attributes:
        name: what was asked: ``"preference"``, or a part that was scored; ``""`` is the whole.
        alpha: 1 is full agreement, 0 what chance gives; NaN where nothing could differ.
        units: pairs of answers, or answers, that two or more annotators judged.
        annotators: who judged one of them.
    """

    name: str
    alpha: Interval
    units: int
    annotators: int


def krippendorff_alpha(units: Iterable[Sequence[float]], metric: Metric, level: float = 0.95) -> Interval:
    """Return Krippendorff's alpha with its percentile bootstrap interval, units resampled.

    ``alpha = 1 - (n - 1) sum_ck o_ck d_ck / sum_ck n_c n_k d_ck`` (Krippendorff 2011, "Computing Krippendorff's
    alpha-reliability"), where a unit with m values adds 1 / (m - 1) to ``o_ck`` for every ordered pair of two
    annotators' values c and k, ``n_c = sum_k o_ck``, ``n = sum_c n_c``, and d is the squared distance of the metric.

    Args:
        units: of each, the values that its annotators gave; one with fewer than two says nothing, and is left out.
        metric: of the distance.
        level: of confidence.
    """
    judged = [unit for unit in units if len(unit) > 1]
    values = sorted({value for unit in judged for value in unit})
    places = {value: place for place, value in enumerate(values)}
    counts = np.zeros((len(judged), len(values), len(values)))
    for coincidences, unit in zip(counts, judged, strict=True):
        held = np.bincount([places[value] for value in unit], minlength=len(values)).astype(np.float64)
        coincidences += (np.outer(held, held) - np.diag(held)) / (len(unit) - 1)
    if len(values) < 2:
        return Interval(math.nan, math.nan, math.nan, len(judged), level)
    distance = _DISTANCES[metric]

    def alpha(flat: FloatArray) -> float:
        total = flat.reshape(len(values), len(values))
        held = total.sum(0)
        apart = distance(np.array(values), held)
        expected = float((np.outer(held, held) * apart).sum())
        observed = float((total * apart).sum())
        # A resample in which nobody could differ shows agreement, though it shows little of it.
        return float(1 - (held.sum() - 1) * observed / expected) if expected else 1.0

    return bootstrap_interval(counts.reshape(len(judged), -1), alpha, level=level)


def agreement(interactions: Iterable[Interaction]) -> tuple[Agreement, ...]:
    """Return how far annotators agree: in which of two answers they prefer, and in each part that they score.

    Args:
        interactions: impressions with what annotators said about them; of one annotator's, the last word counts.
    """
    preferences, scores = Units(), dict[str, Units]()
    for interaction in interactions:
        _gather(interaction, preferences, scores)
    found = [_agreement(PREFERENCE, preferences, "nominal")]
    found += [_agreement(part, units, "ordinal") for part, units in sorted(scores.items())]
    return tuple(one for one in found if one.units)


def _gather(interaction: Interaction, preferences: Units, scores: dict[str, Units]) -> None:
    impression = interaction.impression
    for event in interaction.events:
        annotator = event.user_id or impression.user_id
        if isinstance(event, Ranking):
            for rank, better in enumerate(event.order):
                for worse in event.order[rank + 1 :]:
                    pair = (impression.id, *sorted((better, worse)))
                    preferences.setdefault(pair, {})[annotator] = 1.0 if better < worse else -1.0
        elif isinstance(event, Rating) and event.part == PREFERENCE:
            for other in range(len(impression.candidates)):
                pair = (impression.id, *sorted((event.position, other)))
                if other != event.position:
                    preferences.setdefault(pair, {})[annotator] = 0.0
        elif isinstance(event, Rating):
            unit = (impression.id, event.position)
            scores.setdefault(event.part, {}).setdefault(unit, {})[annotator] = event.score


def _agreement(name: str, units: Units, metric: Metric) -> Agreement:
    judged = [values for values in units.values() if len(values) > 1]
    people = {annotator for values in judged for annotator in values}
    alpha = krippendorff_alpha([tuple(values.values()) for values in judged], metric)
    return Agreement(name, alpha, len(judged), len(people))


def _nominal(values: FloatArray, _: FloatArray) -> FloatArray:
    return (values[:, None] != values).astype(np.float64)


def _ordinal(_: FloatArray, held: FloatArray) -> FloatArray:
    """Return the squared number of values ranked between two, each end counted by half."""
    upto = held.cumsum() - held / 2
    return (upto[:, None] - upto) ** 2


def _interval(values: FloatArray, _: FloatArray) -> FloatArray:
    return (values[:, None] - values) ** 2


_DISTANCES: Mapping[Metric, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "nominal": _nominal,
    "ordinal": _ordinal,
    "interval": _interval,
}
"""[V, V] the squared distance of values [V] of which [V] were held."""
