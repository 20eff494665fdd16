"""The estimators against enumeration: on a table, every expectation is a finite sum."""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.evaluation.statistics import mean_interval
from agents.feedback.estimators import (
    LoggedRewards,
    denoise,
    doubly_robust,
    effective_sample_size,
    examination,
    inverse_observation,
    ips,
    shares,
    snips,
)

LOGGING = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]])
TARGET = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
QUALITY = np.array([[0.2, 0.9, 0.4], [0.7, 0.1, 0.5]])
LOOKS = np.array([1.0, 0.4])
VALUE = float((TARGET * QUALITY).sum(1).mean())


def one(rewards: list[float], propensities: list[float]) -> LoggedRewards:
    """A log of one impression."""
    return LoggedRewards(np.array(rewards), np.array(propensities), np.zeros(len(rewards), dtype=np.intp), ["u"])


def inclusion(liking: np.ndarray) -> np.ndarray:
    """How likely each of three answers is among the first two that are drawn without replacement."""
    chances = np.zeros(3)
    for a, b in permutations(range(3), 2):
        chances[[a, b]] += liking[a] * liking[b] / (1 - liking[a])
    return chances


def slates():  # type: ignore[no-untyped-def]
    """Yield every (probability, context, order shown, clicks) of one impression of two answers."""
    for x in range(2):
        for a, b in permutations(range(3), 2):
            chance = 0.5 * LOGGING[x, a] * LOGGING[x, b] / (1 - LOGGING[x, a])
            rates = LOOKS * QUALITY[x, [a, b]]
            for clicks in product((0, 1), repeat=2):
                each = [rate if click else 1 - rate for rate, click in zip(rates, clicks, strict=True)]
                yield chance * math.prod(each), x, [a, b], np.array(clicks, dtype=float)


def test_inverse_propensities_are_unbiased_over_every_slate_order_and_click() -> None:
    total = naive = coverage = 0.0
    for chance, x, order, clicks in slates():
        propensities = inclusion(LOGGING[x])[order]
        log = one(list(inverse_observation(clicks, LOOKS)), list(propensities))
        total += chance * ips(log, TARGET[x, order]).estimate
        naive += chance * float(clicks.mean())
        coverage += chance * ips(one([1.0, 1.0], list(propensities)), TARGET[x, order]).estimate
    assert total == pytest.approx(VALUE, abs=1e-12)
    assert coverage == pytest.approx(1.0, abs=1e-12)
    assert abs(naive - VALUE) > 0.1


@pytest.mark.parametrize("seed", range(3))
def test_doubly_robust_is_unbiased_if_either_half_is_right(seed: int) -> None:
    guess = np.random.default_rng(seed).uniform(size=(2, 3))
    wrong = LOGGING[::-1]
    halves = {"predictions wrong": (LOGGING, guess), "propensities wrong": (wrong, QUALITY), "both": (wrong, guess)}
    values: dict[str, float] = {}
    for name, (believed, model) in halves.items():
        values[name] = 0.0
        for x, a, reward in product(range(2), range(3), (0.0, 1.0)):
            chance = 0.5 * LOGGING[x, a] * (QUALITY[x, a] if reward else 1 - QUALITY[x, a])
            expected = np.array([TARGET[x] @ model[x]])
            log = one([reward], [believed[x, a]])
            values[name] += chance * doubly_robust(log, TARGET[x, [a]], model[x, [a]], expected).estimate
    assert values["predictions wrong"] == pytest.approx(VALUE, abs=1e-12)
    assert values["propensities wrong"] == pytest.approx(VALUE, abs=1e-12)
    assert abs(values["both"] - VALUE) > 0.01


def random_log(seed: int, n: int = 50, users: int = 20) -> tuple[LoggedRewards, np.ndarray]:
    draw = np.random.default_rng(seed)
    owners = [f"u{draw.integers(users)}" for _ in range(n)]
    impressions = np.concatenate([np.arange(n), draw.integers(n, size=n)])
    log = LoggedRewards(draw.uniform(size=2 * n), draw.uniform(0.2, 1, size=2 * n), impressions, owners)
    return log, draw.uniform(0, 0.5, size=2 * n)


def test_with_weights_of_one_and_a_user_each_it_is_the_mean_with_students_interval() -> None:
    rewards = np.random.default_rng(0).uniform(size=30)
    log = LoggedRewards(rewards, np.full(30, 0.5), np.arange(30), list(range(30)))
    expected = mean_interval(rewards)
    for found in (ips(log, np.full(30, 0.5)), snips(log, np.full(30, 0.5))):
        assert (found.estimate, found.low, found.high) == pytest.approx(
            (expected.estimate, expected.low, expected.high)
        )
        assert found.n == 30
    assert effective_sample_size(log, np.full(30, 0.5)) == pytest.approx(30)


@given(st.integers(0, 1000), st.floats(-5, 5))
def test_snips_moves_with_a_constant_and_stays_in_range(seed: int, shift: float) -> None:
    log, target = random_log(seed)
    moved = LoggedRewards(log.rewards + shift, log.propensities, log.impressions, log.users)
    assert snips(moved, target).estimate == pytest.approx(snips(log, target).estimate + shift, abs=1e-9)
    assert log.rewards.min() <= snips(log, target).estimate <= log.rewards.max()


@given(st.integers(0, 1000))
def test_clipping_only_lowers_and_far_away_changes_nothing(seed: int) -> None:
    log, target = random_log(seed)
    values = [ips(log, target, clip).estimate for clip in (0.1, 0.5, 1.0, 10.0)]
    assert values == sorted(values)
    assert values[-1] == ips(log, target).estimate


def test_the_interval_of_clustered_rows_is_wider_than_of_independent_ones() -> None:
    draw = np.random.default_rng(0)
    rewards = np.repeat(draw.uniform(size=20), 10)
    together = LoggedRewards(rewards, np.ones(200), np.arange(200), [f"u{n // 10}" for n in range(200)])
    apart = LoggedRewards(rewards, np.ones(200), np.arange(200), [f"u{n}" for n in range(200)])
    one_user, one_row = (ips(log, np.ones(200)) for log in (together, apart))
    assert (one_user.n, one_row.n) == (20, 200)
    assert one_user.high - one_user.low > 2 * (one_row.high - one_row.low)


def test_one_vote_gives_every_user_the_same_weight() -> None:
    users = ["a", *["loud"] * 9]
    rewards = np.array([0.0, *[1.0] * 9])
    shares_of = {}
    for one_vote in (False, True):
        log = LoggedRewards(rewards, np.ones(10), np.arange(10), users, one_vote)
        shares_of[one_vote] = ips(log, np.ones(10)).estimate
    assert shares_of == {False: pytest.approx(0.9), True: pytest.approx(0.5)}


def test_flips_are_undone_on_average() -> None:
    a, b = 0.1, 0.25
    for truth in (0.0, 1.0):
        seen_as_one = 1 - b if truth else a
        values = denoise(np.array([0.0, 1.0]), a, b)
        assert seen_as_one * values[1] + (1 - seen_as_one) * values[0] == pytest.approx(truth)
    with pytest.raises(ValueError, match="below 1"):
        denoise(np.zeros(1), 0.5, 0.5)


def test_examination_is_the_ratio_of_click_rates() -> None:
    positions = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    clicks = np.array([1, 1, 0, 0, 1, 0, 0, 0], dtype=float)
    assert list(examination(clicks, positions)) == [1.0, 0.5]
    with pytest.raises(ValueError, match="never clicked"):
        examination(np.zeros(8), positions)
    with pytest.raises(ValueError, match="position 1"):
        examination(np.ones(2), np.array([0, 2]))
    assert list(shares(np.array([True, False, True]), ["a", "a", "b"])) == [0.5, 0.5, 1.0]


def test_what_is_no_log_is_refused() -> None:
    row, none = np.ones(1), np.zeros(1, dtype=np.intp)
    with pytest.raises(ValueError, match="length"):
        LoggedRewards(row, np.ones(2), none, ["u"])
    with pytest.raises(ValueError, match="above 0"):
        LoggedRewards(row, np.zeros(1), none, ["u"])
    with pytest.raises(ValueError, match="at least one row"):
        LoggedRewards(row, row, none, ["u", "v"])
    with pytest.raises(ValueError, match="2 target"):
        ips(one([1.0], [1.0]), np.ones(2))
    with pytest.raises(ValueError, match="never observed"):
        inverse_observation(row, np.zeros(1))
    single = ips(one([1.0], [1.0]), row)
    assert single.estimate == 1.0
    assert math.isnan(single.low)
