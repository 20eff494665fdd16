"""Significance: whether two policies differ, after looking at several environments, and what it would take to say so.

Pure: paired differences in, numbers out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

from agents.evaluation.statistics import FloatArray

EXACT_LIMIT = 14
"""Most pairs whose sign flips are all enumerated."""

FLIPS = 20_000
"""Sign flips that are drawn where there are more."""


def permutation_test(differences: Sequence[float] | FloatArray, seed: int = 0) -> float:
    """Return the two-sided p-value of a sign-flip permutation test of paired differences (Fisher 1935).

    If the two policies were alike, every difference could as well have the other sign. The statistic is the absolute
    mean. Up to `EXACT_LIMIT` pairs all flips are counted; else `FLIPS` are drawn and (1 + c) / (1 + FLIPS) is
    returned, which is never 0 (Phipson & Smyth 2010).

    Args:
        differences: [N] one for each item; NaN where missing.
        seed: of the draws.

    Returns:
        p in (0, 1]; 1.0 where there is nothing to compare.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[~np.isnan(values)]
    n = len(values)
    if n == 0 or not values.any():
        return 1.0
    # Sums of the same numbers in another order differ in their last bits: equal ones count as equal.
    observed = abs(values.sum()) * (1 - 1e-12)
    if n <= EXACT_LIMIT:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float((np.abs(signs @ values) >= observed).mean())
    generator = np.random.default_rng(seed)
    count = 0
    for _ in range(0, FLIPS, 1000):
        signs = generator.integers(0, 2, size=(1000, n)) * 2 - 1
        count += int((np.abs(signs @ values) >= observed).sum())
    return (1 + count) / (1 + FLIPS)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values corrected for looking at all of them (Holm 1979): the family-wise error stays below the level.

    The i-th smallest of m is multiplied by m - i + 1; none is smaller than one before it, and none exceeds 1.

    Args:
        p_values: by name.
    """
    corrected: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[name]))
        corrected[name] = highest
    return {name: corrected[name] for name in p_values}


def items_needed(differences: Sequence[float] | FloatArray, level: float = 0.05, power: float = 0.8) -> float:
    """Return how many items would show a difference as large as the measured one.

    n = ((z_{1 - level/2} + z_power) s / d)^2, the usual approximation for a paired test (Cohen 1988, section 2.3).

    Args:
        differences: [N] one for each item; NaN where missing.
        level: of the test.
        power: the probability of showing it.

    Returns:
        A whole number of items; infinity where the measured difference is 0, NaN with fewer than two items.
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return math.nan
    mean, spread = abs(float(values.mean())), float(values.std(ddof=1))
    if mean == 0:
        return math.inf
    return float(math.ceil((_quantiles(level, power) * spread / mean) ** 2))


def detectable_difference(differences: Sequence[float] | FloatArray, level: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest true difference that these items would show with that power; NaN with fewer than two."""
    values = np.asarray(differences, dtype=np.float64)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return math.nan
    return _quantiles(level, power) * float(values.std(ddof=1)) / math.sqrt(len(values))


def _quantiles(level: float, power: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(1 - level / 2) + normal.inv_cdf(power)
