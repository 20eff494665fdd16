"""The guard: who is promoted, and what is objected."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from agents.evaluation.results import EpisodeScore, EvaluationResult
from agents.feedback.rounds.guard import GuardConfig, decide
from textenvs.errors import ConfigError


def result(success: Any, value: Any = 0.0) -> EvaluationResult:
    """An evaluation of items with these successes and returns."""
    pairs = np.broadcast_arrays(np.asarray(success, dtype=float), np.asarray(value, dtype=float))
    return EvaluationResult(
        tuple(
            EpisodeScore(index, f"item {index}", "", float(won), float(worth), (), "success", ())
            for index, (won, worth) in enumerate(zip(*pairs, strict=True))
        )
    )


FAILS, WINS = np.zeros(40), np.r_[np.ones(20), np.zeros(20)]


def test_who_surely_rises_everywhere_is_promoted() -> None:
    decision = decide(
        {"fixed": result(FAILS), "fresh": result(FAILS)}, dict.fromkeys(("fixed", "fresh"), result(WINS)), GuardConfig()
    )
    assert decision.promoted
    assert [(found.suite, found.measure, found.guard) for found in decision.findings] == [
        ("fixed", "success", False),
        ("fixed", "return", True),
        ("fresh", "success", False),
        ("fresh", "return", True),
    ]
    assert decision.findings[0].difference.estimate == 0.5
    assert decision.as_dict()["promoted"] is True


def test_one_suite_is_not_enough() -> None:
    before = {"fixed": result(FAILS), "fresh": result(FAILS)}
    decision = decide(before, {"fixed": result(WINS), "fresh": result(FAILS)}, GuardConfig())
    assert not decision.promoted
    assert decision.objections == ("success on fresh did not surely rise: +0.000 [+0.000, +0.000]",)


def test_a_rise_that_may_be_chance_is_none() -> None:
    some = np.r_[np.ones(3), np.zeros(37)]
    assert not decide({"s": result(FAILS)}, {"s": result(some)}, GuardConfig()).promoted


def test_feedback_that_rises_while_verified_success_falls_is_stopped() -> None:
    config = GuardConfig(measure="return", guards=("success",))
    liked, worse = np.linspace(0.5, 1, 40), WINS.copy()
    worse[:4] = 0
    before = {"s": result(WINS, 0.2)}
    assert decide(before, {"s": result(WINS, liked)}, config).promoted
    decision = decide(before, {"s": result(worse, liked)}, config)
    assert not decision.promoted
    assert decision.objections[0].startswith("success on s fell: -0.100 [")


def test_a_small_fall_is_tolerated_unless_it_is_certain() -> None:
    config = GuardConfig(tolerance=0.05)
    doubtful, certain = np.zeros(40), np.full(40, -0.01)
    doubtful[0] = -1.6
    before = {"s": result(FAILS, 0.0)}
    assert decide(before, {"s": result(WINS, doubtful)}, config).promoted
    assert not decide(before, {"s": result(WINS, certain)}, config).promoted


def test_what_cannot_be_measured_promotes_nobody() -> None:
    before = {"s": result(FAILS)}
    missing = decide(before, {"s": result(WINS, math.nan)}, GuardConfig())
    assert missing.objections == ("return on s could not be measured",)
    nothing = decide({"s": result(np.full(4, math.nan))}, {"s": result(np.full(4, math.nan))}, GuardConfig(guards=()))
    assert nothing.objections == ("success on s could not be measured",)


@pytest.mark.parametrize("wrong", [{}, {"other": result(WINS)}, {"s": result(WINS[:7])}])
def test_only_the_same_items_are_compared(wrong: dict[str, EvaluationResult]) -> None:
    with pytest.raises(ConfigError):
        decide({"s": result(FAILS)}, wrong, GuardConfig())
    with pytest.raises(ConfigError, match="tolerance"):
        GuardConfig(tolerance=math.nan)
