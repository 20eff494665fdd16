"""pass@k and pass^k against the enumeration of all ways to choose k attempts."""

from __future__ import annotations

import itertools
import math

import pytest

from agents.evaluation.repeated import over_items, pass_at_k, pass_hat_k
from agents.evaluation.statistics import proportion_interval

CASES = [(c, n, k) for n in range(1, 7) for c in range(n + 1) for k in range(1, n + 1)]


@pytest.mark.parametrize(("successes", "samples", "k"), CASES)
def test_both_are_the_share_of_all_choices(successes: int, samples: int, k: int) -> None:
    attempts = [1] * successes + [0] * (samples - successes)
    choices = list(itertools.combinations(attempts, k))
    assert pass_at_k(successes, samples, k) == pytest.approx(sum(map(any, choices)) / len(choices))
    assert pass_hat_k(successes, samples, k) == pytest.approx(sum(map(all, choices)) / len(choices))


def test_both_are_unbiased() -> None:
    """The mean over all outcomes of n attempts is the true probability, for any rate of success."""
    samples, k, rate = 6, 3, 0.3
    weights = [math.comb(samples, c) * rate**c * (1 - rate) ** (samples - c) for c in range(samples + 1)]
    means = [sum(w * f(c, samples, k) for c, w in enumerate(weights)) for f in (pass_at_k, pass_hat_k)]
    assert means == pytest.approx([1 - (1 - rate) ** k, rate**k])


def test_items_count_once_and_missing_attempts_are_left_out() -> None:
    success = [1.0, 0.0, 1.0, 1.0, math.nan, 0.0, 0.0, math.nan]
    items = ["a", "a", "b", "b", "b", "c", "c", "d"]
    found = over_items(pass_at_k, success, items, 2)
    assert (found.estimate, found.n) == (pytest.approx(2 / 3), 3)
    expected = proportion_interval([1.0, 1.0, 0.0])
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


@pytest.mark.parametrize(("successes", "samples", "k"), [(3, 2, 1), (1, 2, 3), (-1, 2, 1), (1, 2, 0)])
def test_what_cannot_be_is_refused(successes: int, samples: int, k: int) -> None:
    for estimator in (pass_at_k, pass_hat_k):
        with pytest.raises(ValueError, match=f"k={k}"):
            estimator(successes, samples, k)
