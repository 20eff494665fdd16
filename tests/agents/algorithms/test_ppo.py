"""PPO: what is trained, and which settings are refused."""

from __future__ import annotations

import numpy as np
import pytest

from agents.algorithms.actor_critic import against_group
from agents.algorithms.actor_critic import gae_credit as credit
from agents.algorithms.config import TrainConfig
from agents.algorithms.ppo import ALGORITHM, PPOConfig
from agents.trajectory import TokenBatch
from tests.agents.build import random_trajectories, scored, trajectory, turn
from textenvs.errors import ConfigError, UnknownNameError


def test_credit_trains_the_tokens_of_scored_turns() -> None:
    records = [turn(1.0), turn(float("nan"), valid=False)]
    batch = scored([trajectory([[0, 0, 1]], records), trajectory([[0]], [turn(1.0)])], np.random.default_rng(0))
    result = credit(batch, PPOConfig())
    assert result.mask.tolist() == [True, True, False, True]
    trained = result.advantages[result.mask]
    assert trained.mean() == pytest.approx(0, abs=1e-6)
    assert trained.std(ddof=1) == pytest.approx(1, abs=1e-6)


def test_credit_without_normalisation_is_gae() -> None:
    batch = scored(random_trajectories(np.random.default_rng(0)), np.random.default_rng(0))
    plain = credit(batch, PPOConfig(normalize_advantage=False))
    np.testing.assert_allclose(plain.advantages + batch.values, plain.returns)
    assert credit(batch, PPOConfig()).returns.tolist() == plain.returns.tolist()


def test_the_groups_baseline_by_hand() -> None:
    """Two items: one whose members earn 1, 3 and 8 over one or two turns, one that is played once."""
    two_turns = trajectory([[0, 0, 1]], [turn(2.0), turn(1.0)])
    episodes = [trajectory([[0]], [turn(1.0)]), two_turns, trajectory([[0, 0]], [turn(8.0)])]
    batch = scored([*episodes, trajectory([[0]], [turn(5.0)], group=1)], np.random.default_rng(0))
    assert batch.rewards.tolist() == [1, 0, 2, 1, 0, 8, 5]
    assert against_group(batch).rewards.tolist() == [1 - 5.5, 0, 2, 1 - 4.5, 0, 8 - 2, 0]


def test_a_truncated_episode_keeps_its_rewards_and_an_unscored_one_is_no_baseline() -> None:
    cut = trajectory([[0]], [turn(4.0)], truncated=True)
    unscored = trajectory([[0]], [turn(float("nan"), valid=False)])
    batch = scored([trajectory([[0]], [turn(1.0)]), cut, unscored], np.random.default_rng(0))
    np.testing.assert_array_equal(against_group(batch).rewards[:2], [1 - 4, 4])


def test_the_groups_baseline_changes_the_credit_of_what_is_played_together() -> None:
    batch = scored(random_trajectories(np.random.default_rng(0)), np.random.default_rng(0))
    plain, relative = (
        credit(batch, PPOConfig(normalize_advantage=False, gae_lambda=1.0, group_size=2, group_baseline=on))
        for on in (False, True)
    )
    taken_off = (batch.rewards - against_group(batch).rewards).sum()
    assert taken_off != 0
    change = np.bincount(batch.trajectory_index, batch.rewards - against_group(batch).rewards)
    np.testing.assert_allclose(plain.returns - relative.returns, change[batch.trajectory_index], rtol=1e-4, atol=1e-5)


def test_credit_of_nothing_is_nothing() -> None:
    assert len(credit(TokenBatch.of([]), PPOConfig()).advantages) == 0
    assert len(credit(TokenBatch.of([]), PPOConfig(group_size=2, group_baseline=True)).advantages) == 0


def test_the_record_knows_its_warm_up() -> None:
    assert ALGORITHM.critic is not None
    assert ALGORITHM.critic.pace(PPOConfig(value_warmup_updates=3)).warmup == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kl_placement": "loss", "kl_estimator": "k1"}, "E\\[grad log pi\\] = 0"),
        ({"kl_placement": "reward", "kl_estimator": "k3"}, "cannot stand in the reward"),
        ({"learning_rate": 0.0}, "learning_rate=0.0"),
        ({"n_episodes_per_update": 10, "group_size": 4}, "multiple of group_size=4"),
        ({"gae_lambda": 1.5}, "between 0 and 1"),
        ({"clip_range_value": -1.0}, "clip_range_value"),
        ({"n_epochs": 0}, "at least 1"),
        ({"group_baseline": True}, "group_size of 2"),
    ],
)
def test_impossible_settings_are_refused_with_the_reason(settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PPOConfig(**settings)


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="learning_rate"):
        PPOConfig.from_mapping({"learning_rat": 1.0})
    assert PPOConfig.from_mapping({"seed": 3}) == PPOConfig(seed=3)
    assert isinstance(PPOConfig(), TrainConfig)
