"""Repeated attempts at one item: how often one of k succeeds, and how often all of them do."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from agents.evaluation.statistics import Interval, share_interval

Estimator = Callable[[int, int, int], float]


def pass_at_k(successes: int, samples: int, k: int) -> float:
    """Return the unbiased estimate of the probability that at least one of k attempts succeeds.

    1 - C(n - c, k) / C(n, k), with c successes in n attempts (Chen et al. 2021, equation 1).

    Args:
        successes: c, from 0 to n.
        samples: n.
        k: from 1 to n.

    Raises:
        ValueError: if k or c is out of range.
    """
    _check(successes, samples, k)
    return 1 - math.comb(samples - successes, k) / math.comb(samples, k)


def pass_hat_k(successes: int, samples: int, k: int) -> float:
    """Return the unbiased estimate of the probability that all of k attempts succeed: C(c, k) / C(n, k).

    It is pass^k of Yao et al. 2024 (tau-bench). The arguments are those of `pass_at_k`.

    Raises:
        ValueError: if k or c is out of range.
    """
    _check(successes, samples, k)
    return math.comb(successes, k) / math.comb(samples, k)


def over_items(
    estimator: Estimator, success: Sequence[float] | np.ndarray, items: Sequence[Hashable], k: int
) -> Interval:
    """Return the mean of an estimator over items, with its interval over items (`share_interval`).

    Args:
        estimator: `pass_at_k` or `pass_hat_k`.
        success: [N] 1.0, 0.0 or NaN (missing) per episode.
        items: [N] the item of each episode.
        k: how many attempts; an item with fewer that could be measured is missing.
    """
    outcomes: dict[Hashable, list[float]] = {item: [] for item in items}
    for item, value in zip(items, success, strict=True):
        if not math.isnan(value):
            outcomes[item].append(value)
    return share_interval(
        [
            estimator(sum(value == 1.0 for value in values), len(values), k) if len(values) >= k else math.nan
            for values in outcomes.values()
        ]
    )


def _check(successes: int, samples: int, k: int) -> None:
    if not (0 <= successes <= samples and 1 <= k <= samples):
        raise ValueError(
            f"{successes} successes in {samples} attempts, k={k}: k is at least 1, neither exceeds attempts"
        )
