"""GRPO and its relatives, RLOO and REINFORCE++ against TRL: its own losses and advantages, handed the same numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.algorithms import grpo, reinforce_plus_plus, rloo
from agents.algorithms.base import Algorithm, LossInputs
from agents.losses.kl import k3
from agents.losses.sequence import sequence_log_ratio
from agents.trainer.kl import charge_rewards
from agents.trajectory import TokenBatch
from tests.agents.build import loss_inputs, segment, trajectory, turn
from tests.parity.trl_trainers import grpo_advantages, grpo_loss, rloo_advantages, rloo_loss

EPISODES, LENGTH, GROUP = 8, 9, 4
LOSS_TYPES = ["grpo", "bnpo", "dapo", "dr_grpo", "cispo", "gspo"]


class Completions(NamedTuple):
    """Episodes as TRL takes them: [B, T], and one advantage each."""

    logprobs: Tensor
    old: Tensor
    ref: Tensor
    mask: Tensor
    advantages: Tensor


@pytest.fixture
def episodes() -> Completions:
    generator = torch.Generator().manual_seed(0)
    old = -torch.rand(EPISODES, LENGTH, generator=generator)
    drift = torch.linspace(-0.5, 0.5, EPISODES)[:, None]  # of whole episodes, so that their ratios are clipped too
    logprobs = (old + drift + 0.4 * torch.randn(EPISODES, LENGTH, generator=generator)).requires_grad_()
    ref = old + 0.3 * torch.randn(EPISODES, LENGTH, generator=generator)
    mask = torch.rand(EPISODES, LENGTH, generator=generator) < 0.6
    mask[:, 0] = True
    return Completions(logprobs, old, ref, mask, torch.randn(EPISODES, generator=generator))


def as_tokens(episodes: Completions, algorithm: Algorithm[Any], config: Any) -> LossInputs:
    """Lay the completions' tokens end to end, as the trainer does."""
    episode = episodes.mask.nonzero()[:, 0]
    return loss_inputs(
        episodes.logprobs[episodes.mask],
        episode=episode,
        old_logprobs=episodes.old[episodes.mask],
        ref_logprobs=episodes.ref[episodes.mask],
        advantages=episodes.advantages[episode],
        weight=torch.from_numpy(algorithm.normalizer(episode.numpy(), config)),
        kl_coef=config.kl_coef,
    )


def assert_same(ours: Tensor, theirs: Tensor, logprobs: Tensor) -> Tensor:
    """Compare losses and their gradients; returns the gradient."""
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    (expected,) = torch.autograd.grad(theirs, logprobs)
    (gradient,) = torch.autograd.grad(ours, logprobs)
    torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=0)
    return gradient


@pytest.mark.parametrize(
    ("loss_type", "dual_clip"),
    [*((name, None) for name in LOSS_TYPES), *((name, 1.4) for name in LOSS_TYPES if name != "cispo")],
)
def test_grpos_loss_and_gradient(loss_type: grpo.LossType, dual_clip: float | None, episodes: Completions) -> None:
    config = grpo.GRPOConfig(loss_type=loss_type, clip_range_high=0.3, dual_clip=dual_clip, **own(loss_type))
    ours = grpo.ALGORITHM.loss(as_tokens(episodes, grpo.ALGORITHM, config), config)
    logprobs, old, ref, mask, advantages = episodes
    theirs = grpo_loss(loss_type, logprobs, old, mask, advantages, ref, delta=dual_clip)
    gradient = assert_same(ours.total, theirs, logprobs)
    assert ours.terms["clip_fraction"] > 0
    assert (gradient == 0)[mask].any() == (loss_type != "cispo"), "CISPO alone keeps every token's gradient"


@pytest.mark.parametrize("loss_type", LOSS_TYPES)
def test_grpos_loss_with_a_divergence(loss_type: grpo.LossType, episodes: Completions) -> None:
    """Off-policy; TRL differentiates the ratio that weighs the divergence too, which is no KL's gradient.

    So its gradient is ours and that share, which is added here.
    """
    config = grpo.GRPOConfig(
        loss_type=loss_type, clip_range_high=0.3, kl_coef=0.04, kl_estimator="k3", **own(loss_type)
    )
    tokens = as_tokens(episodes, grpo.ALGORITHM, config)
    ours = grpo.ALGORITHM.loss(tokens, config).total
    theirs, without = (theirs_with(loss_type, episodes, beta) for beta in (0.04, 0.0))
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    assert ours.item() != pytest.approx(without.item(), abs=1e-4)
    log_ratio = tokens.log_ratio
    if loss_type == "gspo":
        log_ratio = sequence_log_ratio(log_ratio, tokens.episode, mean=True)
    divergence = k3(tokens.logprobs, tokens.ref_logprobs).detach()
    through_the_ratio = 0.04 * (tokens.weight * log_ratio.exp() * divergence).sum()
    (gradient,) = torch.autograd.grad(ours + through_the_ratio, episodes.logprobs)
    (expected,) = torch.autograd.grad(theirs, episodes.logprobs)
    torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=0)


def own(loss_type: str) -> dict[str, int]:
    """Return the settings that one loss alone has."""
    return {"dr_grpo_tokens": LENGTH} if loss_type == "dr_grpo" else {}


def theirs_with(loss_type: str, episodes: Completions, beta: float) -> Tensor:
    logprobs, old, ref, mask, advantages = episodes
    return grpo_loss(loss_type, logprobs, old, mask, advantages, ref, beta)


def test_reinforce_plus_plus_loss_and_gradient(episodes: Completions) -> None:
    algorithm = reinforce_plus_plus.ALGORITHM
    config = algorithm.config(clip_range_high=0.3, kl_coef=0.0)
    logprobs, old, ref, mask, advantages = episodes
    ours = algorithm.loss(as_tokens(episodes, algorithm, config), config).total
    assert_same(ours, grpo_loss("bnpo", logprobs, old, mask, advantages, ref), logprobs)


def test_rloos_loss_and_gradient(episodes: Completions) -> None:
    config = rloo.RLOOConfig(clip_range_high=0.3)
    logprobs, old, _, mask, advantages = episodes
    ours = rloo.ALGORITHM.loss(as_tokens(episodes, rloo.ALGORITHM, config), config).total
    gradient = assert_same(ours, rloo_loss(logprobs, old, mask, advantages), logprobs)
    assert (gradient == 0)[mask].any(), "some episode should be clipped"


def played(returns: Tensor, tokens: int = 1, **parts: Tensor) -> TokenBatch:
    """Return episodes of one turn, grouped in order; NaN means that the episode could not be scored."""
    made = []
    for index, value in enumerate(returns.tolist()):
        scored = {name: float(values[index]) for name, values in parts.items()}
        record = turn(value, valid=not np.isnan(value), parts=scored)
        made.append(trajectory([segment([0] * tokens)], [record], group=index // GROUP))
    return TokenBatch.of(made)


@pytest.mark.parametrize("lost", [[], [2], [4, 5, 6]], ids=["all scored", "one lost", "one left in its group"])
@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_grpos_advantages(scale: grpo.Scale, lost: list[int]) -> None:
    rewards = torch.randn(12, 1, generator=torch.Generator().manual_seed(0))
    rewards[lost] = torch.nan
    found = grpo.credit(played(rewards[:, 0]), grpo.GRPOConfig(scale_advantage=scale)).advantages
    expected = grpo_advantages(rewards, GROUP, scale_rewards=scale)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_grpos_advantages_by_part() -> None:
    rewards = torch.randn(12, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 100.0])
    weights = {"exact": 0.75, "brief": 0.25}
    batch = played(rewards.sum(1), exact=rewards[:, 0], brief=rewards[:, 1])
    found = grpo.credit(batch, grpo.GRPOConfig(part_weights=weights)).advantages
    expected = grpo_advantages(
        rewards,
        GROUP,
        multi_objective_aggregation="normalize_then_sum",
        reward_weights=torch.tensor(list(weights.values())),
    )
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("lost", [[], [2], [4, 5, 6]], ids=["all scored", "one lost", "one left in its group"])
@pytest.mark.parametrize("beta", [0.0, 0.1])
def test_rloos_advantages(beta: float, lost: list[int]) -> None:
    generator = torch.Generator().manual_seed(0)
    rewards = torch.randn(12, 1, generator=generator)
    rewards[lost] = torch.nan
    logprobs, ref = torch.randn(2, 12, 3, generator=generator)
    batch = played(rewards[:, 0], tokens=3)
    batch = replace(batch, old_logprobs=logprobs.flatten().numpy(), ref_logprobs=ref.flatten().numpy())
    found = rloo.credit(charge_rewards(batch, beta), rloo.RLOOConfig()).advantages
    expected = rloo_advantages(rewards, GROUP, logprobs, ref, beta)
    np.testing.assert_allclose(found, expected.repeat_interleave(3).numpy(), atol=1e-5)
