"""The temperature's line and the steering of the entropy bonus."""

from __future__ import annotations

import pytest

from agents.algorithms.config import TrainConfig
from agents.algorithms.settings import Exploration, Importance
from agents.rollout.sampling import SamplingParams
from agents.trainer.exploration import EntropyController, sampling_params, temperature


def test_the_temperature_stays_or_runs_along_a_line() -> None:
    assert [temperature(1.2, None, done) for done in (0, 0.5, 1)] == [1.2, 1.2, 1.2]
    assert [temperature(1.2, 0.8, done) for done in (0, 0.5, 1, 2)] == pytest.approx([1.2, 1.0, 0.8, 0.8])


def test_the_sampler_is_what_the_settings_say() -> None:
    exploration = Exploration(epsilon=0.1, epsilon_top_k=5)
    config = TrainConfig(max_new_tokens=7, seed=3, exploration=exploration, importance=Importance(cap=2.0))
    expected = SamplingParams(temperature=1.0, max_new_tokens=7, epsilon=0.1, epsilon_top_k=5, seed=3)
    assert sampling_params(config) == expected


def test_the_entropy_bonus_rises_below_the_target_and_falls_above_it() -> None:
    steered = EntropyController(0.01, target=0.5, step=0.004)
    seen = []
    for entropy in (0.1, float("nan"), 0.6, 0.6, 0.6, 0.6):
        steered.observe(entropy)
        seen.append(steered.coef)
    assert seen == pytest.approx([0.014, 0.014, 0.010, 0.006, 0.002, 0.0])


def test_without_a_target_the_entropy_bonus_is_fixed() -> None:
    fixed = EntropyController(0.01, target=None, step=0.004)
    fixed.observe(0.0)
    assert fixed.state() == {"coef": 0.01}
