"""Tests and corrections against enumeration, closed testing and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.evaluation.significance import EXACT_LIMIT, detectable_difference, holm, items_needed, permutation_test

WHOLE = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=9)


@given(WHOLE)
def test_the_exact_test_counts_every_flip(values: list[float]) -> None:
    flips = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    assert permutation_test(values) == pytest.approx(sum(f >= abs(sum(values)) for f in flips) / len(flips))


def test_many_pairs_are_sampled_and_agree_with_the_exact_count() -> None:
    generator = np.random.default_rng(1)
    values = np.round(generator.normal(0.4, 1, size=EXACT_LIMIT + 4), 2)
    signs = np.array(list(itertools.product((1, -1), repeat=len(values))))
    exact = (np.abs(signs @ values) >= abs(values.sum()) - 1e-9).mean()
    assert permutation_test(values) == pytest.approx(exact, abs=0.01)
    assert permutation_test(values) == permutation_test(values)
    assert permutation_test(np.ones(100)) == pytest.approx(1 / 20_001)


def test_the_test_keeps_its_level() -> None:
    generator = np.random.default_rng(2)
    rejected = [permutation_test(generator.normal(size=10)) < 0.1 for _ in range(600)]
    assert 0.06 < np.mean(rejected) < 0.14


def test_nothing_to_compare_is_no_evidence() -> None:
    assert permutation_test([]) == permutation_test([0.0, 0.0]) == permutation_test([math.nan]) == 1.0


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_test_of_bonferroni(values: list[float]) -> None:
    names = [str(place) for place in range(len(values))]
    given_p = dict(zip(names, values, strict=True))
    families = [set(f) for size in range(1, len(names) + 1) for f in itertools.combinations(names, size)]
    for name, corrected in holm(given_p).items():
        closed = max(min(1.0, len(f) * min(given_p[one] for one in f)) for f in families if name in f)
        assert corrected == pytest.approx(closed)


def test_holm_on_a_worked_example() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}
    )


def test_the_items_needed_give_the_power() -> None:
    generator = np.random.default_rng(3)
    pilot = generator.normal(size=4000)
    pilot = 0.3 + (pilot - pilot.mean()) / pilot.std(ddof=1)
    needed = items_needed(pilot)
    assert needed == math.ceil(((1.959964 + 0.841621) / 0.3) ** 2)
    shown = [permutation_test(generator.normal(0.3, 1, size=int(needed))) < 0.05 for _ in range(60)]
    assert 0.65 < np.mean(shown) < 0.95
    assert detectable_difference(pilot[: int(needed)]) == pytest.approx(0.3, rel=0.2)


def test_what_cannot_be_said_is_not_a_number() -> None:
    assert math.isnan(items_needed([1.0]))
    assert math.isnan(detectable_difference([math.nan, 2.0]))
    assert math.isinf(items_needed([1.0, -1.0]))
