"""Intervals against tables, closed forms, numerical integration and simulation."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.evaluation.statistics import (
    Interval,
    bootstrap_difference,
    bootstrap_interval,
    mean_interval,
    paired_difference,
    proportion_interval,
    share_interval,
    t_quantile,
)

PRINTED = {(0.975, 1): 12.706, (0.975, 4): 2.776, (0.95, 9): 1.833, (0.995, 29): 2.756, (0.975, 120): 1.980}
"""Quantiles of Student's t as the usual printed tables have them."""


def t_cdf(t: float, df: int) -> float:
    """The distribution function by Simpson's rule over the density."""
    constant = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    xs = np.linspace(0, t, 20_001)
    density = constant * (1 + xs**2 / df) ** (-(df + 1) / 2)
    step = t / 20_000
    return 0.5 + step / 3 * float(density[0] + density[-1] + 4 * density[1:-1:2].sum() + 2 * density[2:-1:2].sum())


def ratio(totals: np.ndarray) -> float:
    return float(totals[0] / totals[1])


@pytest.mark.parametrize(("key", "value"), PRINTED.items())
def test_t_quantile_equals_the_printed_tables(key: tuple[float, int], value: float) -> None:
    assert t_quantile(*key) == pytest.approx(value, abs=6e-4)


@given(st.floats(0.501, 0.999), st.integers(1, 400))
def test_t_quantile_inverts_the_distribution_function(probability: float, df: int) -> None:
    assert t_cdf(t_quantile(probability, df), df) == pytest.approx(probability, abs=1e-6)
    assert t_quantile(1 - probability, df) == pytest.approx(-t_quantile(probability, df), rel=1e-6)


def test_mean_interval_is_students() -> None:
    values = [2.0, 4.0, 4.0, 5.0, 9.0]
    half = 2.7764451 * statistics.stdev(values) / math.sqrt(5)
    interval = mean_interval(values)
    assert interval.estimate == pytest.approx(4.8)
    assert (interval.low, interval.high) == pytest.approx((4.8 - half, 4.8 + half))
    assert interval.n == 5


def test_a_missing_value_is_left_out_and_never_a_zero() -> None:
    assert mean_interval([1.0, math.nan, 3.0]) == mean_interval([1.0, 3.0])
    assert proportion_interval([1.0, math.nan]).estimate == 1.0
    assert paired_difference([0.0, math.nan, 1.0], [1.0, 5.0, 1.0]).n == 2


@pytest.mark.parametrize("make", [mean_interval, proportion_interval])
def test_nothing_measured_is_nan(make: object) -> None:
    empty = make([math.nan])  # type: ignore[operator]
    assert math.isnan(empty.estimate)
    assert not empty.clear_of_zero
    assert empty.n == 0
    assert empty.as_dict()["estimate"] is None


def test_one_unit_says_nothing_about_spread() -> None:
    one = mean_interval([3.0])
    assert one.estimate == 3.0
    assert math.isnan(one.low)
    assert not one.clear_of_zero


def test_repeated_samples_of_an_item_count_as_one() -> None:
    clustered = mean_interval([1.0, 1.0, 1.0, 0.0], clusters=["a", "a", "a", "b"])
    assert (clustered.estimate, clustered.n) == (0.5, 2)
    assert clustered == mean_interval([1.0, 0.0])


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=80))
def test_wilson_solves_the_score_equation(outcomes: list[float]) -> None:
    interval = proportion_interval(outcomes)
    share, n, z = statistics.fmean(outcomes), len(outcomes), statistics.NormalDist().inv_cdf(0.975)
    for end in (interval.low, interval.high):
        if 0 < end < 1:
            assert abs(share - end) == pytest.approx(z * math.sqrt(end * (1 - end) / n), rel=1e-6)
    assert 0 <= interval.low <= share + 1e-12
    assert share - 1e-12 <= interval.high <= 1


def test_wilson_is_no_point_at_the_ends() -> None:
    assert proportion_interval([1.0] * 10).low == pytest.approx(0.7225, abs=1e-4)


def test_a_proportion_of_other_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="zeros and ones"):
        proportion_interval([0.5])


def test_a_share_is_never_certain_and_never_beyond_its_ends() -> None:
    assert share_interval([1.0] * 12, list("aabbccddeeff")) == proportion_interval([1.0] * 6)
    assert share_interval([0.0, 1.0, math.nan]) == proportion_interval([0.0, 1.0])
    mixed = share_interval([0.0, 1.0, 1.0, 1.0], list("aabb"))
    plain = mean_interval([0.5, 1.0])
    assert (mixed.estimate, mixed.n) == (plain.estimate, 2)
    assert plain.low < 0 == mixed.low
    assert plain.high > 1 == mixed.high
    inside = [0.4, 0.5, 0.6]
    assert share_interval(inside) == mean_interval(inside)
    assert share_interval([]).n == 0


def test_pairing_removes_what_the_items_share() -> None:
    items = np.random.default_rng(0).normal(size=200)
    after = items + 0.1 + 0.01 * np.random.default_rng(1).normal(size=200)
    assert paired_difference(items, after).clear_of_zero
    width = mean_interval(items).high - mean_interval(items).low
    assert paired_difference(items, after).high - paired_difference(items, after).low < width / 20


def test_unequal_numbers_do_not_pair() -> None:
    with pytest.raises(ValueError, match="2 before, 1 after"):
        paired_difference([1.0, 2.0], [1.0])


def test_the_t_interval_covers_as_often_as_it_says() -> None:
    generator = np.random.default_rng(7)
    samples = generator.exponential(size=(2000, 40))
    covered = sum(interval.low <= 1 <= interval.high for interval in map(mean_interval, samples))
    assert 0.91 <= covered / 2000 <= 0.96


def test_the_bootstrap_of_a_mean_agrees_with_t() -> None:
    values = np.random.default_rng(3).normal(size=400)
    counts = np.stack([values, np.ones(400)], axis=1)
    boot, exact = bootstrap_interval(counts, ratio, resamples=4000), mean_interval(values)
    assert boot.estimate == pytest.approx(exact.estimate)
    assert boot.low == pytest.approx(exact.low, abs=0.01)
    assert boot.high == pytest.approx(exact.high, abs=0.01)


def test_the_paired_bootstrap_resamples_both_sides_alike() -> None:
    generator = np.random.default_rng(5)
    before = np.stack([generator.normal(size=100), np.ones(100)], axis=1)
    after = before + np.array([0.25, 0.0])
    interval = bootstrap_difference(before, after, ratio)
    assert (interval.low, interval.high) == pytest.approx((0.25, 0.25))


def test_zero_is_clear_only_outside() -> None:
    assert Interval(0.2, 0.1, 0.3, 5).clear_of_zero
    assert Interval(-0.2, -0.3, -0.1, 5).clear_of_zero
    assert not Interval(0.2, -0.1, 0.5, 5).clear_of_zero
