"""What each estimator is the gradient of, by enumeration of every sequence of a tabular policy."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.advantages.gae import discounts, token_gae
from agents.algorithms.base import LossInputs
from agents.algorithms.clipped import clipped_loss
from agents.algorithms.ppo import PPOConfig
from agents.losses.kl import categorical_kl, k1, k2, k3, k3_with_k2_gradient
from agents.trainer.kl import charge_rewards
from agents.trajectory import TokenBatch
from tests.agents.build import loss_inputs, trajectory, turn

VOCABULARY = 3
SEQUENCES = list(product(range(VOCABULARY), repeat=2))


class Tabular:
    """Two tokens from three: logits for the first, and for the second given the first."""

    def __init__(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.logits = torch.randn(1 + VOCABULARY, VOCABULARY, dtype=torch.float64, generator=generator)
        self.logits.requires_grad_()

    def logprobs(self) -> Tensor:
        """[9, 2] of every sequence's tokens."""
        table = self.logits.log_softmax(-1)
        return torch.stack([torch.stack([table[0, a], table[1 + a, b]]) for a, b in SEQUENCES])

    def gradient(self, loss: Tensor) -> Tensor:
        return torch.autograd.grad(loss, self.logits)[0]


policy, reference = Tabular(0), Tabular(1)
REF = reference.logprobs().detach()
REF_TABLE = reference.logits.log_softmax(-1).detach()
PROBABILITY = policy.logprobs().detach().sum(-1).exp()
VISITED = torch.cat([torch.ones(1, dtype=torch.float64), policy.logits.detach()[0].softmax(-1)])
"""How often each of the four prefixes is visited."""


def expected_token_loss(estimator) -> Tensor:
    return (PROBABILITY[:, None] * estimator(policy.logprobs(), REF)).sum()


def per_prefix_kl(forward: bool) -> Tensor:
    """Return the divergence given the prefix, summed over the prefixes as they are visited (a constant)."""
    table = policy.logits.log_softmax(-1)
    of, to = (REF_TABLE, table) if forward else (table, REF_TABLE)
    return (VISITED * (of.exp() * (of - to)).sum(-1)).sum()


def test_values_estimate_the_divergence() -> None:
    truth = (PROBABILITY * (policy.logprobs() - REF).sum(-1)).sum()
    torch.testing.assert_close(expected_token_loss(k1), truth)
    torch.testing.assert_close(expected_token_loss(k3), truth)
    torch.testing.assert_close(expected_token_loss(k3_with_k2_gradient), truth)
    assert (k3(policy.logprobs(), REF) >= 0).all()


def test_k1_in_the_loss_is_the_gradient_of_nothing() -> None:
    gradient = policy.gradient(expected_token_loss(k1))
    torch.testing.assert_close(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("estimator", [k2, k3_with_k2_gradient])
def test_k2_has_the_gradient_of_the_kl_given_the_prefix(estimator) -> None:
    torch.testing.assert_close(policy.gradient(expected_token_loss(estimator)), policy.gradient(per_prefix_kl(False)))


def test_k3_has_the_gradient_of_the_forward_kl_given_the_prefix() -> None:
    torch.testing.assert_close(policy.gradient(expected_token_loss(k3)), policy.gradient(per_prefix_kl(True)))
    assert not torch.allclose(policy.gradient(per_prefix_kl(True)), policy.gradient(per_prefix_kl(False)))


def inputs(logprobs: Tensor, old: Tensor, advantages: Tensor, weight: Tensor, kl_coef: float) -> LossInputs:
    return loss_inputs(
        logprobs,
        old_logprobs=old,
        ref_logprobs=REF.flatten(),
        advantages=advantages,
        weight=weight,
        mean_weight=1.0,
        kl_coef=kl_coef,
    )


def test_k1_in_the_reward_is_the_gradient_of_the_sequences_kl() -> None:
    """Through the code that trains: rewards charged, GAE without critic, surrogate at ratio 1."""
    coef = 0.3
    logprobs = policy.logprobs()
    batch = TokenBatch.of([trajectory([[0, 0]], [turn(0.0)]) for _ in SEQUENCES])
    batch = replace(
        batch,
        old_logprobs=logprobs.detach().flatten().numpy(),
        ref_logprobs=REF.flatten().numpy(),
        values=np.zeros(len(batch)),
        bootstrap=np.zeros(len(SEQUENCES)),
    )
    charged = charge_rewards(batch, coef)
    advantages, _ = token_gae(
        charged.rewards,
        batch.values,
        batch.bootstrap,
        batch.trajectory_index,
        discounts(batch.turn_end, 1.0, 1.0),
        gae_lambda=1.0,
    )
    flat = logprobs.flatten()
    weight = PROBABILITY.repeat_interleave(2)
    loss = clipped_loss(
        inputs(flat, flat.detach(), torch.tensor(advantages, dtype=torch.float64), weight, 0.0), PPOConfig()
    ).total
    table = policy.logits.log_softmax(-1)
    visited = torch.cat([torch.ones(1, dtype=torch.float64), table[0].exp()])
    divergence = coef * (visited * (table.exp() * (table - REF_TABLE)).sum(-1)).sum()
    torch.testing.assert_close(policy.gradient(loss), policy.gradient(divergence), atol=1e-6, rtol=0)


def test_the_kl_loss_is_weighted_by_the_ratio_off_policy() -> None:
    """Sampled by another policy, the term still has the gradient of the KL of the one being trained."""
    old = Tabular(2)
    old_logprobs = old.logprobs().detach()
    table = policy.logits.log_softmax(-1)
    visited = torch.cat([torch.ones(1, dtype=torch.float64), old.logits.detach()[0].softmax(-1)])
    # The second token's prefix is as the old policy visits it; the first's is always the empty one.
    divergence = (visited * (table.exp() * (table - REF_TABLE)).sum(-1)).sum()
    weight = old_logprobs.sum(-1).exp().repeat_interleave(2)
    flat, zeros = policy.logprobs().flatten(), torch.zeros(18, dtype=torch.float64)
    config = PPOConfig(kl_coef=1.0, kl_placement="loss", kl_estimator="k2")
    loss = clipped_loss(inputs(flat, old_logprobs.flatten(), zeros, weight, 1.0), config).total
    torch.testing.assert_close(policy.gradient(loss), policy.gradient(divergence))


def test_the_ratio_of_whole_episodes_mends_the_visits_of_prefixes_too() -> None:
    """Sampled by another policy, the term has the gradient given the prefixes that the one being trained visits."""
    old_logprobs = Tabular(2).logprobs().detach()
    weight = old_logprobs.sum(-1).exp().repeat_interleave(2)
    logprobs, zeros = policy.logprobs(), torch.zeros(18, dtype=torch.float64)
    tokens = inputs(logprobs.flatten(), old_logprobs.flatten(), zeros, weight, 1.0)
    whole = (logprobs - old_logprobs).sum(-1).repeat_interleave(2)
    config = PPOConfig(kl_coef=1.0, kl_placement="loss", kl_estimator="k2")
    found = policy.gradient(clipped_loss(tokens, config, whole).total)
    torch.testing.assert_close(found, policy.gradient(per_prefix_kl(forward=False)))


@pytest.mark.parametrize(
    ("estimator", "values", "gradients"),
    [
        (k1, [0.5, -1.0, 0.0], [1.0, 1.0, 1.0]),
        (k2, [0.125, 0.5, 0.0], [0.5, -1.0, 0.0]),
        (k3, [0.10653066, 0.71828183, 0.0], [0.39346934, -1.71828183, 0.0]),  # exp(-d) - 1 + d and 1 - exp(-d)
        (k3_with_k2_gradient, [0.10653066, 0.71828183, 0.0], [0.5, -1.0, 0.0]),
    ],
)
def test_table_by_hand(estimator, values: list[float], gradients: list[float]) -> None:
    logprobs = torch.tensor([-1.0, -2.0, -0.5], dtype=torch.float64, requires_grad=True)
    estimate = estimator(logprobs, torch.tensor([-1.5, -1.0, -0.5], dtype=torch.float64))  # d = 1/2, -1, 0
    estimate.sum().backward()
    assert estimate.tolist() == pytest.approx(values, abs=1e-6)
    assert logprobs.grad is not None
    assert logprobs.grad.tolist() == pytest.approx(gradients, abs=1e-6)


def test_the_divergence_itself_by_hand() -> None:
    p, q = torch.tensor([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]], dtype=torch.float64).log()
    forth_and_back = categorical_kl(torch.stack([p, q, p]), torch.stack([q, p, p]))
    # log 2 + (log 2 - log 3) / 4, and 3/4 log 3 - 3/8 log 2
    assert forth_and_back.tolist() == pytest.approx([0.5917809, 0.5640290, 0.0], abs=1e-6)


def apart(seed: int) -> tuple[Tensor, Tensor]:
    """Return log-probabilities of twenty tokens under two policies, in float64."""
    logprobs, ref = torch.randn(2, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return logprobs.requires_grad_(), ref


@pytest.mark.parametrize("estimator", [k1, k2, k3])
def test_gradient_equals_finite_differences(estimator) -> None:
    logprobs, ref = apart(0)
    assert torch.autograd.gradcheck(lambda x: estimator(x, ref), (logprobs,))


def test_the_declared_gradient_equals_finite_differences_of_k2() -> None:
    """And not those of its own value, which is k3's."""
    logprobs, ref = apart(0)
    (declared,) = torch.autograd.grad(k3_with_k2_gradient(logprobs, ref).sum(), logprobs)
    with torch.no_grad():
        numeric = (k2(logprobs + 1e-5, ref) - k2(logprobs - 1e-5, ref)) / 2e-5
        of_its_value = (k3(logprobs + 1e-5, ref) - k3(logprobs - 1e-5, ref)) / 2e-5
    torch.testing.assert_close(declared, numeric, atol=1e-6, rtol=0)
    assert not torch.allclose(declared, of_its_value, atol=1e-2)


def test_the_divergences_gradient_equals_finite_differences() -> None:
    logits, other = torch.randn(2, 3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pair = (logits.requires_grad_(), other.requires_grad_())
    assert torch.autograd.gradcheck(lambda p, q: categorical_kl(p.log_softmax(-1), q.log_softmax(-1)), pair)
