"""Krippendorff's alpha against the tables that he published, and against its definition."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.feedback.labelling.agreement import Metric, agreement, krippendorff_alpha
from agents.feedback.store import Interaction
from tests.agents.feedback.records import event, shown

# Krippendorff 2011, "Computing Krippendorff's alpha-reliability": one string per observer.
BINARY = ("0100000010", "1110010000")
MISSING = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def units(observers: tuple[str, ...]) -> list[list[float]]:
    return [[float(ord(value)) for value in column if value != "."] for column in zip(*observers, strict=True)]


@pytest.mark.parametrize(
    ("observers", "metric", "published"),
    [
        (BINARY, "nominal", 0.095),
        (MISSING, "nominal", 0.743),
        (MISSING, "ordinal", 0.815),
        (MISSING, "interval", 0.849),
    ],
)
def test_the_published_tables(observers: tuple[str, ...], metric: Metric, published: float) -> None:
    assert krippendorff_alpha(units(observers), metric).estimate == pytest.approx(published, abs=5e-4)


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=4), min_size=2, max_size=8))
def test_the_definition(judged: list[list[int]]) -> None:
    """One minus observed over expected disagreement, pair by pair."""
    everything = [value for unit in judged for value in unit]
    expected = [(a - b) ** 2 for a, b in permutations(everything, 2)]
    found = krippendorff_alpha(judged, "interval").estimate
    if not any(expected):
        assert math.isnan(found)
        return
    observed = sum(sum((a - b) ** 2 for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in judged)
    assert found == pytest.approx(1 - observed / len(everything) / np.mean(expected))


def test_who_agrees_in_everything_and_who_throws_coins() -> None:
    same = krippendorff_alpha([[value, value] for value in (0.0, 1.0) * 20], "nominal")
    assert (same.estimate, same.low, same.high) == (1, 1, 1)
    coins = np.random.default_rng(0).integers(0, 2, (400, 2)).astype(float).tolist()
    chance = krippendorff_alpha(coins, "nominal")
    assert chance.low < 0 < chance.high
    assert math.isnan(krippendorff_alpha([[1.0, 1.0]], "nominal").estimate)
    assert krippendorff_alpha([[1.0], []], "nominal").n == 0


def test_what_annotators_did_becomes_units() -> None:
    def said(number: int, *events: object) -> Interaction:
        return Interaction(shown(f"i{number}", ("a", "b", "c")), tuple(events))  # type: ignore[arg-type]

    def alike(name: str, of: str) -> list[object]:
        return [
            event("rating", f"{name}{of}{place}", of, user_id=name, part="preference", score=0.5, position=place)
            for place in range(3)
        ]

    log = [
        said(0, event("ranking", "a", "i0", user_id="x", order=[0, 1]), event("ranking", "b", "i0", user_id="y")),
        said(1, event("ranking", "c", "i1", user_id="x", order=[2, 0, 1]), *alike("y", "i1")),
        said(
            2,
            event("rating", "d", "i2", user_id="x", score=0.25, part="tone"),
            event("rating", "e", "i2", user_id="y", score=1.0, part="tone"),
            event("rating", "f", "i2", user_id="z", score=1.0, part="tone", position=1),
            event("click", "g", "i2", user_id="z"),
        ),
    ]
    preference, tone = agreement(log)
    assert (preference.name, preference.units, preference.annotators) == ("preference", 4, 2)
    assert (tone.name, tone.units, tone.annotators) == ("tone", 1, 2)
    # x: +, then + for 2 over 0, 2 over 1, 0 over 1; y: - (records.py ranks 1 over 0), then no preference.
    pairs = [[1.0, -1.0], [-1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]]
    assert preference.alpha == krippendorff_alpha(pairs, "nominal")
    assert agreement([]) == ()
