"""Calibration against tables made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.finetune.calibration import calibrate


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_a_table_by_hand() -> None:
    """Four pairs at 80 %, three of them right; two at 95 %, both right."""
    scores = [logit(0.8)] * 3 + [-logit(0.8)] + [logit(0.95)] * 2
    found = calibrate(scores, [0.0] * 6)
    assert found.pairs == 6
    assert found.accuracy == pytest.approx(5 / 6)
    assert found.margin == pytest.approx(np.mean(scores))
    assert [(one.pairs, one.accuracy) for one in found.bins] == [(4, 0.75), (2, 1.0)]
    assert [one.confidence for one in found.bins] == pytest.approx([0.8, 0.95])
    assert found.error == pytest.approx((4 * 0.05 + 2 * 0.05) / 6)
    right = 3 * math.log(0.8) + math.log(0.2) + 2 * math.log(0.95)
    assert found.log_loss == pytest.approx(-right / 6)
    assert found.interval.low < 5 / 6 < found.interval.high


def test_a_model_that_is_right_as_often_as_it_says_has_no_error() -> None:
    generator = np.random.default_rng(0)
    difference = generator.normal(scale=2.0, size=200_000)
    better_first = generator.random(len(difference)) < 1 / (1 + np.exp(-difference))
    found = calibrate(np.where(better_first, difference, -difference), np.zeros(len(difference)))
    assert found.error < 0.005
    doubled = calibrate(np.where(better_first, 2 * difference, -2 * difference), np.zeros(len(difference)))
    assert doubled.error > 0.05
    assert doubled.accuracy == found.accuracy


def test_only_differences_matter_and_ties_count_half() -> None:
    assert calibrate([3.0, 1.0], [2.0, 1.0]) == calibrate([1.0, 0.0], [0.0, 0.0])
    assert calibrate([1.0, 1.0], [1.0, 1.0]).accuracy == 0.5
    assert calibrate([1e4], [0.0]).log_loss == 0.0


def test_without_pairs_nothing_is_known() -> None:
    found = calibrate([], [])
    assert found.pairs == 0
    assert math.isnan(found.accuracy)
    assert math.isnan(found.interval.estimate)
