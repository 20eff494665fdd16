"""PPO and A2C against stable-baselines3: its own `train()` on one batch, every parameter's gradient."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from agents.algorithms import a2c, ppo
from agents.algorithms.base import Algorithm, Loss
from tests.agents.build import loss_inputs

STEPS = 64


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


def collected(model: OnPolicyAlgorithm, disturbance: float) -> OnPolicyAlgorithm:
    """Fill the model's buffer, then move its policy away from the one that filled it."""
    _, callback = model._setup_learn(STEPS)
    model.collect_rollouts(model.env, callback, model.rollout_buffer, STEPS)
    with torch.no_grad():
        for parameter in model.policy.parameters():
            parameter.add_(disturbance * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return model


def their_gradients(model: OnPolicyAlgorithm) -> list[torch.Tensor]:
    captured: list[torch.Tensor] = []
    model.policy.optimizer.step = lambda: captured.extend(p.grad.clone() for p in model.policy.parameters())
    model.train()
    return captured


def our_loss(model: OnPolicyAlgorithm, algorithm: Algorithm[Any], config: Any, *, normalize: bool) -> Loss:
    """Return our loss of the model's own buffer and policy."""
    buffer = next(model.rollout_buffer.get(STEPS))
    values, logprobs, entropy = model.policy.evaluate_actions(buffer.observations, buffer.actions.long().flatten())
    advantages = buffer.advantages
    if normalize:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    tokens = loss_inputs(
        logprobs,
        entropy=entropy,
        values=values.flatten(),
        old_logprobs=buffer.old_log_prob,
        old_values=buffer.old_values,
        advantages=advantages,
        returns=buffer.returns,
        weight=torch.from_numpy(algorithm.normalizer(np.zeros(STEPS, dtype=np.int64), config)),
        entropy_coef=config.entropy_coef,
    )
    return algorithm.loss(tokens, config)


def assert_same(ours: Loss, model: OnPolicyAlgorithm, theirs: list[torch.Tensor], policy_loss: str) -> None:
    gradients = torch.autograd.grad(ours.total, list(model.policy.parameters()))
    logged = model.logger.name_to_value
    assert ours.terms["policy_loss"].item() == pytest.approx(logged[f"train/{policy_loss}"], abs=1e-5)
    assert ours.terms["value_loss"].item() == pytest.approx(logged["train/value_loss"], abs=1e-5)
    assert -ours.terms["entropy"].item() == pytest.approx(logged["train/entropy_loss"], abs=1e-5)
    assert len(theirs) == len(gradients) > 0
    for ours_one, theirs_one in zip(gradients, theirs, strict=True):
        torch.testing.assert_close(ours_one, theirs_one, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("clip_range_value", [None, 0.05])
def test_ppos_loss_and_gradient(clip_range_value: float | None) -> None:
    model = PPO(
        "MlpPolicy",
        Bandit(),
        n_steps=STEPS,
        batch_size=STEPS,
        n_epochs=1,
        ent_coef=0.01,
        vf_coef=0.3,
        clip_range_vf=clip_range_value,
        max_grad_norm=1e9,
        seed=0,
        device="cpu",
    )
    collected(model, disturbance=0.1)  # so far from the policy that sampled that clipping matters
    config = ppo.PPOConfig(entropy_coef=0.01, value_coef=0.3, clip_range_value=clip_range_value)
    ours = our_loss(model, ppo.ALGORITHM, config, normalize=True)
    assert_same(ours, model, their_gradients(model), "policy_gradient_loss")
    logged = model.logger.name_to_value
    assert ours.total.item() == pytest.approx(logged["train/loss"], abs=1e-5)
    assert ours.terms["clip_fraction"] > 0


@pytest.mark.parametrize("normalize", [False, True])
def test_a2cs_loss_and_gradient(normalize: bool) -> None:
    model = A2C(
        "MlpPolicy",
        Bandit(),
        n_steps=STEPS,
        ent_coef=0.01,
        vf_coef=0.3,
        normalize_advantage=normalize,
        max_grad_norm=1e9,
        seed=0,
        device="cpu",
    )
    collected(model, disturbance=0.0)
    config = a2c.A2CConfig(entropy_coef=0.01, value_coef=0.3)
    ours = our_loss(model, a2c.ALGORITHM, config, normalize=normalize)
    assert_same(ours, model, their_gradients(model), "policy_loss")
