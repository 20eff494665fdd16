"""Intervals for what was measured: means, proportions, paired differences, corpus scores.

Everything here is pure: numbers in, an `Interval` out. A value that could not be measured (NaN) is missing: it is
left out and lowers `n`; it never counts as a zero.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], float]
"""A corpus score as a function of summed counts [K]."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the range that covers its true value with probability `level`.

    Attributes:
        estimate: NaN where nothing was measured.
        low: lower end; NaN where the sample says nothing about spread (fewer than two units).
        high: upper end, likewise.
        n: independent units (clusters, where there are any) that it rests on.
        level: of confidence, in (0, 1).
    """

    estimate: float
    low: float
    high: float
    n: int
    level: float = 0.95

    @property
    def clear_of_zero(self) -> bool:
        """Whether the whole interval lies on one side of 0."""
        return self.low > 0 or self.high < 0

    def as_dict(self) -> dict[str, float | None]:
        """Return the fields for JSON, which has no NaN: None stands for it."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


@functools.cache
def t_quantile(probability: float, df: int) -> float:
    """Return the quantile of Student's t distribution.

    The distribution function at t > 0 is 1 - I_x(df/2, 1/2) / 2 with x = df / (df + t^2) and I the regularised
    incomplete beta function (Abramowitz & Stegun 1964, 26.7.1 and 26.5.27); its root is found by mpmath.

    Args:
        probability: in (0, 1).
        df: degrees of freedom, >= 1.
    """
    if probability < 0.5:
        return -t_quantile(1 - probability, df)
    if probability == 0.5:
        return 0.0
    tail = 2 * (1 - probability)
    if df == 1:
        return math.tan(math.pi * (probability - 0.5))

    def excess(t: Any) -> Any:
        return mpmath.betainc(df / 2, 0.5, 0, df / (df + t * t), regularized=True) - tail

    normal = NormalDist().inv_cdf(probability)
    return float(mpmath.findroot(excess, (normal, normal * (1 + 2 / df)), tol=1e-24))


def mean_interval(
    values: Sequence[float] | FloatArray, clusters: Sequence[Hashable] | None = None, level: float = 0.95
) -> Interval:
    """Return the mean with Student's t interval.

    Args:
        values: [N] measurements; NaN where missing.
        clusters: [N] names of what each measurement belongs to (an item sampled several times). Every cluster
            counts once, with its own mean, because repeated samples of an item are not independent.
        level: of confidence.
    """
    units = _cluster_means(np.asarray(values, dtype=np.float64), clusters)
    n = len(units)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, level)
    mean = float(units.mean())
    if n == 1:
        return Interval(mean, math.nan, math.nan, 1, level)
    half = t_quantile((1 + level) / 2, n - 1) * float(units.std(ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n, level)


def proportion_interval(outcomes: Sequence[float] | FloatArray, level: float = 0.95) -> Interval:
    """Return the share of ones with Wilson's score interval (Wilson 1927), honest at 0 and 1.

    Args:
        outcomes: [N] independent values 0.0 or 1.0; NaN where missing.
        level: of confidence.

    Raises:
        ValueError: if a value is neither 0, 1 nor NaN.
    """
    valid = np.asarray(outcomes, dtype=np.float64)
    valid = valid[~np.isnan(valid)]
    n = len(valid)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, level)
    if not np.isin(valid, (0.0, 1.0)).all():
        raise ValueError("a proportion is made of zeros and ones; use mean_interval for other values")
    share, z = float(valid.mean()), NormalDist().inv_cdf((1 + level) / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), n, level)


def share_interval(
    values: Sequence[float] | FloatArray, clusters: Sequence[Hashable] | None = None, level: float = 0.95
) -> Interval:
    """Return the mean of shares, honest where all are alike: no width of 0 at the ends, and nothing beyond them.

    Where every cluster is all or nothing it is the proportion of clusters, with Wilson's interval; else Student's t
    over the clusters, cut off at 0 and 1.

    Args:
        values: [N] shares in [0, 1]; NaN where missing.
        clusters: [N] as for `mean_interval`.
        level: of confidence.
    """
    units = _cluster_means(np.asarray(values, dtype=np.float64), clusters)
    if np.isin(units, (0.0, 1.0)).all():
        return proportion_interval(units, level)
    found = mean_interval(units, level=level)
    return replace(found, low=float(np.clip(found.low, 0, 1)), high=float(np.clip(found.high, 0, 1)))


def paired_difference(
    before: Sequence[float] | FloatArray,
    after: Sequence[float] | FloatArray,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Interval:
    """Return the mean of `after - before` over the same items, with Student's t interval.

    A pair with a missing half is left out. The arguments are those of `mean_interval`.

    Raises:
        ValueError: if the two differ in length.
    """
    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"paired measurements differ in number: {len(first)} before, {len(second)} after")
    return mean_interval(second - first, clusters, level)


def bootstrap_interval(
    counts: FloatArray, statistic: Statistic, *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> Interval:
    """Return a corpus score with its percentile bootstrap interval (Efron 1979), rows resampled.

    For scores that are no mean over rows but a function of summed counts, such as BLEU or a micro F.

    Args:
        counts: [N, K] sufficient counts, one row per independent unit; sum a cluster's rows beforehand.
        statistic: the score as a function of the column sums.
        level: of confidence.
        resamples: how many bootstrap samples.
        seed: of the resampling.
    """
    draws = [statistic(total) for total in _resampled_totals(counts, resamples, seed)]
    return _percentiles(statistic(counts.sum(0)), draws, len(counts), level)


def bootstrap_mean(
    values: Sequence[float] | FloatArray,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return the mean with its percentile bootstrap interval, whole clusters resampled.

    The first two arguments are those of `mean_interval`, the others those of `bootstrap_interval`.
    """
    units = _cluster_means(np.asarray(values, dtype=np.float64), clusters)
    if not len(units):
        return Interval(math.nan, math.nan, math.nan, 0, level)
    counts = np.stack([units, np.ones(len(units))], axis=1)
    return bootstrap_interval(counts, _quotient, level=level, resamples=resamples, seed=seed)


def bootstrap_difference(
    before: FloatArray,
    after: FloatArray,
    statistic: Statistic,
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return the paired difference of a corpus score: both sides see the same resampled rows.

    Raises:
        ValueError: if the two differ in shape.
    """
    if before.shape != after.shape:
        raise ValueError(f"paired counts differ in shape: {before.shape} before, {after.shape} after")
    width = before.shape[1]
    totals = _resampled_totals(np.hstack([before, after]), resamples, seed)
    draws = [statistic(total[width:]) - statistic(total[:width]) for total in totals]
    return _percentiles(statistic(after.sum(0)) - statistic(before.sum(0)), draws, len(before), level)


def _cluster_means(values: FloatArray, clusters: Sequence[Hashable] | None) -> FloatArray:
    valid = ~np.isnan(values)
    if clusters is None:
        return values[valid]
    if len(clusters) != len(values):
        raise ValueError(f"{len(values)} values but {len(clusters)} cluster names")
    sums: dict[Hashable, list[float]] = {}
    for name, value, keep in zip(clusters, values, valid, strict=True):
        if keep:
            sums.setdefault(name, []).append(float(value))
    return np.array([math.fsum(members) / len(members) for members in sums.values()])


def _quotient(totals: FloatArray) -> float:
    return float(totals[0] / totals[1])


def _resampled_totals(counts: FloatArray, resamples: int, seed: int) -> FloatArray:
    """Return [resamples, K]: column sums of rows drawn with replacement."""
    n = len(counts)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples)
    return weights @ counts


def _percentiles(estimate: float, draws: Sequence[float], n: int, level: float) -> Interval:
    if n < 2:
        return Interval(estimate, math.nan, math.nan, n, level)
    low, high = np.nanquantile(draws, ((1 - level) / 2, (1 + level) / 2))
    return Interval(estimate, float(low), float(high), n, level)
