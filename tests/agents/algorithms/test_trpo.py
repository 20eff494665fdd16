"""TRPO against sb3-contrib: its own `train()` in float64, and ours on the same networks and the same numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import sb3_contrib.common.utils
import stable_baselines3.common.policies
import torch
from gymnasium import spaces
from sb3_contrib import TRPO as SB3TRPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from torch import Tensor, nn

from agents.algorithms.base import Credit
from agents.algorithms.settings import TrustRegion
from agents.algorithms.trpo import ALGORITHM, TRPOConfig
from agents.trainer.portion import UpdateStats
from agents.trainer.update import Updater, UpdateState
from agents.trajectory import TokenBatch
from tests.agents.build import loss_inputs, segment, trajectory, turn
from textenvs.errors import ConfigError

STEPS = 128
"""Tokens in the batch; a power of two, so that 1 / STEPS is the same number in float32."""


class Drift(gym.Env):
    """Four actions, of which one fits the observation."""

    observation_space = spaces.Box(-3, 3, (3,), dtype=np.float64)
    action_space = spaces.Discrete(4)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seen = self.np_random.normal(size=3).clip(-3, 3)
        return self.seen, {}

    def step(self, action):
        reward = float(action == np.argmax(self.seen))
        self.seen = self.np_random.normal(size=3).clip(-3, 3)
        return self.seen, reward, bool(self.np_random.random() < 0.2), False, {}


class DoubleBuffer(RolloutBuffer):
    """Hands its samples out in float64."""

    def to_torch(self, array, copy=True):
        return torch.tensor(array, dtype=torch.float64)


@dataclass
class NetworkPolicy:
    """A network of stable-baselines3's as the trainer sees a policy: token 0 of a row names its observation."""

    network: Any
    observations: Tensor
    weights_version: int = 0
    twice_differentiable: bool = True

    def values(self, token_ids: Tensor, attention_mask: Tensor, select: Tensor) -> Tensor:
        return self.network.predict_values(self.observations[token_ids[:, 0]]).flatten()

    def distributions(
        self,
        token_ids: Tensor,
        attention_mask: Tensor,
        select: Tensor,
        temperature: Tensor,
        *,
        weights: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        network = self.network
        if weights is not None:
            network = copy.deepcopy(network)
            for name, weight in network.named_parameters():
                weight.data.copy_(weights.get(name, weight))
        return network.get_distribution(self.observations[token_ids[:, 0]]).distribution.logits

    def trainable_parameters(self) -> list[tuple[str, nn.Parameter]]:
        return [("critic." * ("value" in n) + n, weight) for n, weight in self.network.named_parameters()]

    def mark_updated(self) -> None:
        self.weights_version += 1


def sb3_before_training(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> tuple[SB3TRPO, RolloutBufferSamples]:
    """Return sb3-contrib's agent in float64 with a full buffer, and what is in the buffer."""
    monkeypatch.setattr(sb3_contrib.common.utils.th, "randn_like", torch.zeros_like)  # both start from zero
    model = SB3TRPO(
        "MlpPolicy",
        Drift(),
        n_steps=STEPS,
        batch_size=STEPS,
        rollout_buffer_class=DoubleBuffer,
        policy_kwargs={"net_arch": [8, 8], "optimizer_kwargs": {"eps": 1e-8}},
        seed=0,
        device="cpu",
        **settings,
    )
    _, callback = model._setup_learn(STEPS)
    model.collect_rollouts(model.env, callback, model.rollout_buffer, STEPS)
    model.policy.double()
    monkeypatch.setattr(stable_baselines3.common.policies, "preprocess_obs", lambda seen, *_, **__: seen)  # it casts
    # One pass over the buffer makes its shuffled order the stored one; from here on nothing draws.
    monkeypatch.setattr(np.random, "permutation", np.arange)
    return model, next(model.rollout_buffer.get(STEPS))


def our_update(model: SB3TRPO, buffer: RolloutBufferSamples, config: TRPOConfig) -> tuple[nn.Module, UpdateStats]:
    """Make one update of a copy of sb3's network from the numbers in its buffer."""
    network = copy.deepcopy(model.policy)
    policy = NetworkPolicy(network, buffer.observations)
    actions = buffer.actions.long().flatten().tolist()
    episodes = [trajectory([segment([0], [row, action])], [turn()]) for row, action in enumerate(actions)]
    advantages = (buffer.advantages - buffer.advantages.mean()) / (buffer.advantages.std() + 1e-8)
    batch = replace(TokenBatch.of(episodes), old_logprobs=buffer.old_log_prob.numpy(), values=buffer.old_values.numpy())
    credit = Credit(advantages.numpy(), buffer.returns.numpy(), np.ones(STEPS, dtype=np.bool_))
    state = UpdateState(batch, credit)
    Updater(policy, ALGORITHM, config).run(  # type: ignore[arg-type]
        state,
        learning_rate=config.learning_rate,
        kl_coef=0.0,
        entropy_coef=0.0,
        critic_only=False,
        generator=np.random.default_rng(0),
        after_step=lambda: None,
    )
    return network, state.stats


@pytest.mark.parametrize(
    ("max_kl", "cg_steps", "damping", "tries", "outcome"),
    [
        (0.01, 5, 0.1, 10, "whole"),
        (0.01, 15, 0.01, 10, "whole"),
        (0.3, 10, 1e-5, 10, "shortened"),
        (0.3, 10, 1e-5, 1, "refused"),
    ],
)
def test_a_whole_update_equals_sb3_contribs(
    monkeypatch: pytest.MonkeyPatch, max_kl: float, cg_steps: int, damping: float, tries: int, outcome: str
) -> None:
    shared = {"learning_rate": 1e-2, "gae_lambda": 0.9}
    model, buffer = sb3_before_training(
        monkeypatch,
        target_kl=max_kl,
        cg_max_steps=cg_steps,
        cg_damping=damping,
        line_search_max_iter=tries,
        n_critic_updates=3,
        **shared,
    )
    region = TrustRegion(max_kl=max_kl, cg_steps=cg_steps, cg_damping=damping, line_search_steps=tries)
    config = TRPOConfig(
        trust_region=region, n_epochs=3, n_minibatches=1, max_grad_norm=1e9, microbatch_tokens=64, **shared
    )
    before = {name: weight.detach().clone() for name, weight in model.policy.named_parameters()}
    ours, stats = our_update(model, buffer, config)
    model.train()

    logged = model.logger.name_to_value
    fraction = stats.terms["step_fraction"][0]
    assert outcome == ("whole" if fraction == 1 else "shortened" if fraction > 0 else "refused")
    assert bool(fraction) == bool(logged["train/is_line_search_success"])
    assert stats.terms["step_kl"][0] == pytest.approx(logged["train/kl_divergence_loss"], abs=1e-10)
    assert np.mean(stats.terms["value_loss"]) == pytest.approx(logged["train/value_loss"], abs=1e-5)
    theirs = dict(model.policy.named_parameters())
    for name, weight in ours.named_parameters():
        own = "value" in name  # Adam's epsilon sees the scale of the critic's loss, which is ours by value_coef
        torch.testing.assert_close(weight, theirs[name], atol=1e-6 if own else 1e-12, rtol=0)
        assert torch.equal(weight, before[name]) is (outcome == "refused" and not own)


def test_a_second_bound_on_the_divergence_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"trust_region\.max_kl"):
        TRPOConfig(target_kl=0.1)
    with pytest.raises(ConfigError, match=r"trust_region\.line_search_shrink=1\.5"):
        TrustRegion(line_search_shrink=1.5)


@pytest.mark.parametrize(
    ("ratio", "advantage", "surrogate"),
    [(1.0, 2.0, -2.0), (1.5, 2.0, -3.0), (0.5, -2.0, 1.0), (4.0, -2.0, 8.0), (0.5, 2.0, -1.0)],
)
def test_the_surrogate_by_hand_is_never_clipped(ratio: float, advantage: float, surrogate: float) -> None:
    logprobs = torch.tensor([math.log(ratio) - 1.0], dtype=torch.float64, requires_grad=True)
    old, advantages = torch.tensor([[-1.0], [advantage]], dtype=torch.float64)
    loss = ALGORITHM.loss(loss_inputs(logprobs, old_logprobs=old, advantages=advantages), TRPOConfig())
    (gradient,) = torch.autograd.grad(loss.total, logprobs)
    assert loss.total.item() == pytest.approx(surrogate, abs=1e-6)
    assert gradient.item() == pytest.approx(surrogate, abs=1e-6), "a ratio is its own derivative"
    assert loss.terms["clip_fraction"].item() == 0


def test_the_losss_gradient_equals_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    logprobs, entropy, old, advantages = torch.randn(4, 20, dtype=torch.float64, generator=generator)

    def total(logprobs: Tensor, entropy: Tensor) -> Tensor:
        tokens = loss_inputs(logprobs, entropy=entropy, entropy_coef=0.1, old_logprobs=old, advantages=advantages)
        return ALGORITHM.loss(tokens, TRPOConfig(entropy_coef=0.1)).total

    assert torch.autograd.gradcheck(total, (logprobs.requires_grad_(), entropy.requires_grad_()))
