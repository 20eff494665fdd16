"""Two evaluations of the same items: pairing, correction and verdict."""

from __future__ import annotations

import json

import pytest

from agents.evaluation import EvaluationResult, contrast, evaluate
from agents.evaluation.significance import permutation_test
from agents.evaluation.statistics import paired_difference
from tests.agents.evaluation.conftest import ECHO
from textenvs.core import Observation
from textenvs.errors import ConfigError


def red(observation: Observation) -> str:
    return "red"


def red_once(observation: Observation) -> str:
    """Red, and from the second turn on what was asked for."""
    history = observation["history"]
    return "red" if len(history) == 1 else history[-1]["content"]


def play(policy: object, groups: tuple[str, ...] = ("one", "two"), episodes: int = 30) -> EvaluationResult:
    return EvaluationResult.merge(evaluate(policy, ECHO, episodes=episodes, group=group) for group in groups)  # type: ignore[arg-type]


def test_rows_are_paired_and_corrected_over_all_of_them() -> None:
    a, b = play(red), play("oracle")
    rows = contrast(a, b, "return")
    assert [row.name for row in rows] == ["all", "one", "two"]
    whole = paired_difference(a.values(lambda e: e.episode_return), b.values(lambda e: e.episode_return), a.items)
    assert rows[0].difference.estimate == pytest.approx(whole.estimate)
    assert (rows[0].difference.low, rows[0].difference.n) == (pytest.approx(whole.low), 60)
    assert all(row.conclusive and row.verdict == "B is higher" for row in rows)
    assert all(row.corrected >= row.p for row in rows)
    assert contrast(b, a, "return")[0].verdict == "B is lower"


def test_where_nothing_is_clear_it_says_how_many_more_items_would_be_needed() -> None:
    a, b = play(red, ("one",), 6), play(red_once, ("one",), 6)
    row = contrast(a, b, "success")[0]
    differences = b.values(lambda e: e.success) - a.values(lambda e: e.success)
    assert row.p == permutation_test(differences)
    assert not row.conclusive
    assert row.needed > 6
    assert f"{int(row.needed) - 6} more items" in row.verdict


def test_alike_is_no_proof_of_alike() -> None:
    row = contrast(play("oracle"), play("oracle"))[0]
    assert (row.p, row.conclusive) == (1.0, False)
    assert row.verdict == "nothing can be concluded: every item came out alike"
    json.dumps([row.as_dict()], allow_nan=False)


def test_the_number_of_samples_may_differ() -> None:
    one, three = (evaluate(red, ECHO, episodes=10, samples=samples) for samples in (1, 3))
    assert contrast(one, three, "return")[0].difference.high == 0.0


def test_other_items_and_measures_are_refused() -> None:
    with pytest.raises(ConfigError, match="10 items are in A only, 0 in B only"):
        contrast(play(red, ("one",), 20), play(red, ("one",), 10))
    with pytest.raises(ConfigError, match="parts/exact"):
        contrast(play(red), play(red), "parts/exactness")
    assert contrast(play(red), play("oracle"), "parts/exact")[0].difference.estimate > 0
