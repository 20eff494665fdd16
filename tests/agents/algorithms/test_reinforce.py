"""REINFORCE, REINFORCE++ and A2C: their credit by hand, and one step per batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents.algorithms.a2c import A2CConfig
from agents.algorithms.monte_carlo import return_credit
from agents.algorithms.reinforce import REINFORCEConfig
from agents.algorithms.reinforce_plus_plus import REINFORCEPlusPlusConfig
from agents.trainer.kl import charge_rewards
from agents.trajectory import TokenBatch
from tests.agents.build import WORLD, trajectory, turn
from textenvs.errors import ConfigError


def batch() -> TokenBatch:
    played = [trajectory([[0, 0, WORLD, 1]], [turn(1.0), turn(2.0)]), trajectory([[0]], [turn(-1.0)], truncated=True)]
    return TokenBatch.of(played)


def test_returns_to_go_by_hand() -> None:
    config = REINFORCEConfig(normalize_advantage=False, token_gamma=0.5, turn_gamma=0.5)
    np.testing.assert_allclose(return_credit(batch(), config).advantages, [0.75, 1.5, 2, -1], atol=1e-6)
    assert np.isnan(return_credit(batch(), config).returns).all()


def test_returns_are_normalised_over_the_batch_by_hand() -> None:
    returns = np.array([3, 3, 2, -1])
    expected = (returns - returns.mean()) / returns.std(ddof=1)
    np.testing.assert_allclose(return_credit(batch(), REINFORCEConfig()).advantages, expected, atol=1e-6)


def test_the_tokens_divergence_is_in_reinforce_plus_pluss_returns() -> None:
    old, ref = np.array([-1.0, -2.0, -3.0, -4.0]), np.array([-1.0, -1.0, -2.0, -6.0])
    scored = replace(batch(), old_logprobs=old, ref_logprobs=ref)
    config = REINFORCEPlusPlusConfig(normalize_advantage=False)
    found = return_credit(charge_rewards(scored, 0.1), config).advantages
    np.testing.assert_allclose(found, [3.2, 3.2, 2.1, -1.2], atol=1e-6)


def test_an_episode_that_was_not_fully_scored_is_not_trained() -> None:
    lost = trajectory([[0, 1]], [turn(float("nan"), valid=False), turn(1.0)])
    result = return_credit(TokenBatch.of([lost, *batch().trajectories]), REINFORCEConfig())
    assert result.mask.tolist() == [False, False, True, True, True, True]
    assert result.advantages[result.mask].tolist() == return_credit(batch(), REINFORCEConfig()).advantages.tolist()


@pytest.mark.parametrize("config", [A2CConfig, REINFORCEConfig])
@pytest.mark.parametrize("setting", ["n_epochs", "n_minibatches"])
def test_a_second_step_on_a_batch_is_refused_with_the_reason(config: Any, setting: str) -> None:
    with pytest.raises(ConfigError, match="biased gradient"):
        config(**{setting: 2})
