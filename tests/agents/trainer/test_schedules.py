"""Learning-rate schedules and the steering of the divergence's coefficient."""

from __future__ import annotations

import numpy as np
import pytest

from agents.trainer.kl import KLController, charge_rewards
from agents.trainer.schedules import learning_rate
from tests.agents.build import random_trajectories, scored


def rates(kind, total: int = 6, warmup: int | None = 2) -> list[float]:
    return [learning_rate(kind, 1.0, update, total, warmup) for update in range(total + 2)]


def test_shapes() -> None:
    assert rates("constant") == [0.5, 1, 1, 1, 1, 1, 1, 1]
    assert rates("linear") == pytest.approx([0.5, 1, 1, 0.75, 0.5, 0.25, 0, 0])
    cosine = 0.5 * (1 + np.cos(np.pi * np.array([0, 0.25, 0.5, 0.75, 1, 1])))
    assert rates("cosine") == pytest.approx([0.5, 1, *cosine])


def test_low_and_slow_rises_from_a_tenth_and_falls_to_a_tenth() -> None:
    slow = rates("low_and_slow", total=10, warmup=None)
    fall = 0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 8]) / 8))
    assert slow == pytest.approx([0.55, 1, *fall])
    assert rates("low_and_slow", total=10, warmup=4)[:4] == pytest.approx([0.325, 0.55, 0.775, 1])


def test_other_shapes_have_no_warm_up_unless_told() -> None:
    assert rates("constant", warmup=None) == [1] * 8


def test_without_warm_up_the_first_update_has_the_peak() -> None:
    assert rates("linear", total=1, warmup=0)[0] == 1


def test_k1_is_taken_off_every_tokens_reward() -> None:
    batch = scored(random_trajectories(np.random.default_rng(0)), np.random.default_rng(0))
    charged = charge_rewards(batch, 0.5)
    taken = 0.5 * (batch.old_logprobs - batch.ref_logprobs)
    np.testing.assert_allclose(batch.rewards - charged.rewards, taken, atol=1e-6)
    assert charge_rewards(batch, 0.0) is batch


def test_the_coefficient_follows_the_target() -> None:
    fixed, steered = KLController(0.1, None, 100), KLController(0.1, 0.5, 100)
    for controller in (fixed, steered):
        controller.observe(5.0, 10)
    assert fixed.coef == 0.1
    assert steered.coef == pytest.approx(0.1 * 1.02)
    steered.observe(0.45, 10)
    assert steered.coef == pytest.approx(0.1 * 1.02 * 0.99)


def test_an_unknown_divergence_steers_nothing() -> None:
    steered = KLController(0.1, 0.5, 100)
    steered.observe(float("nan"), 0)
    assert steered.coef == 0.1
