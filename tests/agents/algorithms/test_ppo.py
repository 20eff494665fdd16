"""PPO against stable-baselines3: its own `train()` on one minibatch, gradients and all."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO as SB3PPO

from agents.algorithms.actor_critic import gae_credit as credit
from agents.algorithms.base import LossInputs
from agents.algorithms.config import TrainConfig
from agents.algorithms.ppo import ALGORITHM, PPOConfig, loss, normalizer
from agents.trajectory import TokenBatch
from tests.agents.build import random_trajectories, scored, trajectory, turn
from textenvs.errors import ConfigError, UnknownNameError


class Bandit(gym.Env):
    """Four actions, random observations; only there for stable-baselines3 to learn on."""

    observation_space = spaces.Box(-1, 1, (3,))
    action_space = spaces.Discrete(4)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.normal(size=3).astype(np.float32), {}

    def step(self, action):
        seen = self.np_random.normal(size=3).astype(np.float32)
        return seen, float(action == 1), bool(self.np_random.random() < 0.2), False, {}


@pytest.mark.parametrize("clip_range_value", [None, 0.05])
def test_loss_and_gradient_equal_stable_baselines3(clip_range_value: float | None) -> None:
    steps = 64
    model = SB3PPO(
        "MlpPolicy",
        Bandit(),
        n_steps=steps,
        batch_size=steps,
        n_epochs=1,
        ent_coef=0.01,
        vf_coef=0.3,
        clip_range_vf=clip_range_value,
        max_grad_norm=1e9,
        seed=0,
        device="cpu",
    )
    model.learn(steps)
    model.collect_rollouts(model.env, _callback(model), model.rollout_buffer, steps)
    with torch.no_grad():  # so far from the policy that sampled that clipping matters
        for parameter in model.policy.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    buffer = next(model.rollout_buffer.get(steps))
    captured: list[torch.Tensor] = []
    model.policy.optimizer.step = lambda: captured.extend(p.grad.clone() for p in model.policy.parameters())
    model.train()

    values, logprobs, entropy = model.policy.evaluate_actions(buffer.observations, buffer.actions.long().flatten())
    advantages = (buffer.advantages - buffer.advantages.mean()) / (buffer.advantages.std() + 1e-8)
    weight = torch.from_numpy(normalizer(np.zeros(steps, dtype=np.int64), PPOConfig()))
    tokens = LossInputs(
        episode=torch.zeros(steps, dtype=torch.long),
        logprobs=logprobs,
        entropy=entropy,
        values=values.flatten(),
        old_logprobs=buffer.old_log_prob,
        ref_logprobs=torch.full_like(logprobs, torch.nan),
        old_values=buffer.old_values,
        advantages=advantages,
        returns=buffer.returns,
        importance=torch.ones(steps),
        weight=weight,
        mean_weight=1 / steps,
        kl_coef=0.0,
        entropy_coef=0.01,
    )
    ours = loss(tokens, PPOConfig(value_coef=0.3, clip_range_value=clip_range_value))
    gradients = torch.autograd.grad(ours.total, list(model.policy.parameters()))

    logged = model.logger.name_to_value
    assert ours.total.item() == pytest.approx(logged["train/loss"], abs=1e-5)
    assert ours.terms["policy_loss"].item() == pytest.approx(logged["train/policy_gradient_loss"], abs=1e-5)
    assert ours.terms["value_loss"].item() == pytest.approx(logged["train/value_loss"], abs=1e-5)
    assert -ours.terms["entropy"].item() == pytest.approx(logged["train/entropy_loss"], abs=1e-5)
    assert logged["train/clip_fraction"] > 0
    for ours_one, theirs in zip(gradients, captured, strict=True):
        torch.testing.assert_close(ours_one, theirs, atol=1e-5, rtol=1e-5)


def _callback(model: SB3PPO):
    _, callback = model._setup_learn(64)
    return callback


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


def test_credit_of_nothing_is_nothing() -> None:
    assert len(credit(TokenBatch.of([]), PPOConfig()).advantages) == 0


def test_the_record_knows_its_warm_up() -> None:
    assert ALGORITHM.critic
    assert ALGORITHM.critic_warmup(PPOConfig(value_warmup_updates=3)) == 3


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
