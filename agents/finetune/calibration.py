"""How well a reward model's confidence agrees with how often it is right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from agents.evaluation.statistics import Interval, proportion_interval

BINS = 10
"""Bins of equal width over the confidences from 0.5 to 1."""


class Bin(NamedTuple):
    """Pairs of like confidence.

    Attributes:
        confidence: mean probability that the model gives to the side which it prefers.
        accuracy: how often that side is the better one.
        pairs: how many there are.
    """

    confidence: float
    accuracy: float
    pairs: int


class Calibration(NamedTuple):
    """A reward model on pairs that it has not learned from.

    Attributes:
        pairs: how many; with none, every other figure is NaN or empty.
        accuracy: share in which the better answer has the higher score; equal scores count half.
        margin: mean difference of the scores, better minus worse.
        log_loss: mean of ``-log p``, p being the probability given to the better answer, in nats.
        error: expected calibration error: mean over pairs of their bin's distance of confidence from accuracy.
        bins: those that are not empty, by confidence.
    """

    pairs: int
    accuracy: float
    margin: float
    log_loss: float
    error: float
    bins: tuple[Bin, ...]

    @property
    def interval(self) -> Interval:
        """The accuracy with Wilson's interval."""
        right = round(self.accuracy * self.pairs) if self.pairs else 0
        return proportion_interval([1.0] * right + [0.0] * (self.pairs - right))


def calibrate(chosen: Sequence[float], rejected: Sequence[float]) -> Calibration:
    """Measure a reward model's scores of pairs.

    The probability that the better answer is preferred is that of the model of Bradley and Terry (1952), the logistic
    function of the difference of the scores. The calibration error is that of Guo et al. 2017, "On Calibration of
    Modern Neural Networks", equation 3.

    Args:
        chosen: [N] scores of the better answers.
        rejected: [N] of the others.
    """
    difference = np.asarray(chosen, dtype=np.float64) - np.asarray(rejected, dtype=np.float64)
    if not len(difference):
        return Calibration(0, math.nan, math.nan, math.nan, math.nan, ())
    right = np.where(difference == 0, 0.5, difference > 0)
    confidence = 1 / (1 + np.exp(-np.abs(difference)))
    place = np.minimum((confidence - 0.5) * 2 * BINS, BINS - 1).astype(np.int64)
    bins = tuple(
        Bin(float(confidence[inside].mean()), float(right[inside].mean()), int(inside.sum()))
        for inside in (place == number for number in range(BINS))
        if inside.any()
    )
    error = sum(one.pairs * abs(one.confidence - one.accuracy) for one in bins) / len(difference)
    log_loss = float(np.logaddexp(0.0, -difference).mean())
    return Calibration(len(difference), float(right.mean()), float(difference.mean()), log_loss, error, bins)
