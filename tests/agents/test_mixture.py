"""Quotas: shares hold in every batch, and over all of them, whatever the imbalance."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.mixture import TOLERANCE, Mixture, shares_of
from textenvs.errors import ConfigError


@given(
    weights=st.lists(st.floats(1.0, 100.0), min_size=1, max_size=8),
    spare=st.integers(0, 60),
    batches=st.integers(1, 40),
)
@settings(max_examples=80)
def test_every_batch_holds_the_shares(weights: list[float], spare: int, batches: int) -> None:
    shares = {str(place): weight for place, weight in enumerate(weights)}
    size = math.ceil(2 * sum(weights) / min(weights)) + spare
    mixture = Mixture(shares, size)
    for _ in range(batches):
        quotas = mixture.quotas()
        assert sum(quotas.values()) == size
        for kind, share in mixture.shares.items():
            ratio = quotas[kind] / (share * size)
            assert 1 / TOLERANCE - 1e-6 <= ratio <= TOLERANCE + 1e-6
    assert all(abs(mixture.given[k] - s * size * batches) <= len(weights) for k, s in mixture.shares.items())


def test_what_rounding_costs_is_given_back() -> None:
    mixture = Mixture({"a": 1, "b": 1, "c": 1}, 32)
    batches = [tuple(mixture.quotas().values()) for _ in range(3)]
    assert batches == [(11, 11, 10), (11, 10, 11), (10, 11, 11)]


def test_a_batch_of_another_size_keeps_the_shares_over_all() -> None:
    mixture = Mixture({"a": 3, "b": 1}, 8)
    for _ in range(40):
        mixture.quotas(1)
    assert mixture.given == {"a": 30, "b": 10}


def test_a_batch_too_small_for_a_share_is_refused_with_one_that_is_not() -> None:
    with pytest.raises(
        ConfigError, match=r"a batch of 32 cannot hold 0.99% of 'rare' .*; the smallest .* is (\d+)"
    ) as e:
        Mixture({"common": 100, "rare": 1}, 32)
    smallest = int(str(e.value).split()[-1])
    Mixture({"common": 100, "rare": 1}, smallest)
    with pytest.raises(ConfigError):
        Mixture({"common": 100, "rare": 1}, smallest - 1)


def test_a_state_goes_on_where_it_was_taken() -> None:
    first, second = Mixture({"a": 1, "b": 2}, 8), Mixture({"a": 1, "b": 2}, 8)
    for _ in range(5):
        first.quotas()
    second.restore(first.state())
    assert [first.quotas() for _ in range(4)] == [second.quotas() for _ in range(4)]


def test_temperature_moves_from_rows_alike_to_kinds_alike() -> None:
    sizes = {"large": 10_000, "small": 100}
    assert shares_of(sizes, 1.0) == pytest.approx({"large": 100 / 101, "small": 1 / 101})
    assert shares_of(sizes, 0.5) == pytest.approx({"large": 10 / 11, "small": 1 / 11})
    assert shares_of(sizes, 0.0) == pytest.approx({"large": 0.5, "small": 0.5})
    for bad in ({"sizes": sizes, "temperature": 1.5}, {"sizes": {"none": 0}, "temperature": 0.5}):
        with pytest.raises(ConfigError):
            shares_of(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("shares", [{}, {"a": 0.0}, {"a": float("nan")}, {"a": -1.0}])
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Mixture(shares, 8)
