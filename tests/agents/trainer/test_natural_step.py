"""The natural-gradient step on a language model: its bound, its refusals, and whom it leaves alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from agents.algorithms.base import Credit
from agents.algorithms.settings import TrustRegion
from agents.algorithms.trpo import ALGORITHM, TRPOConfig
from agents.policies.causal_lm import CausalLMPolicy
from agents.trainer.portion import Portion, UpdateStats, Work
from agents.trainer.scoring import score_batch
from agents.trainer.update import Updater
from agents.trajectory import TokenBatch
from tests.agents.build import random_trajectories, tiny_policy
from tests.agents.trainer.test_update import LORA, changed, disturbed, update, weights
from textenvs.errors import ConfigError

LARGE = TrustRegion(max_kl=0.05, cg_steps=5, cg_damping=0.01)


def prepared(policy: CausalLMPolicy, every: int = 1, **settings: Any) -> tuple[Updater, TokenBatch, Credit]:
    """Return a trainer, and every n-th of eight episodes with their credit."""
    config = TRPOConfig(**{"trust_region": LARGE, "n_epochs": 1, "n_minibatches": 1, **settings})
    episodes = random_trajectories(np.random.default_rng(0), count=8)[::every]
    batch = score_batch(policy, TokenBatch.of(episodes), 10_000, critic=True, reference=False)
    return Updater(policy, ALGORITHM, config), batch, ALGORITHM.credit(batch, config)


def natural_step(updater: Updater, batch: TokenBatch, credit: Credit) -> UpdateStats:
    """Make the policy's step alone."""
    stats = UpdateStats()
    assert updater.natural_step is not None
    updater.natural_step.take(whole(updater, batch, credit), stats)
    return stats


def whole(updater: Updater, batch: TokenBatch, credit: Credit) -> Portion:
    work = Work(batch, credit, np.ones(len(batch), np.float32), kl_coef=0.0, entropy_coef=0.0)
    return Portion.of(work, credit.mask, ALGORITHM, updater.config)


@pytest.mark.parametrize("lora", [None, LORA])
@pytest.mark.parametrize("critic", ["head", "separate"])
def test_the_policy_moves_within_its_bound_and_the_critic_stays(lora: dict[str, Any] | None, critic: Any) -> None:
    policy = disturbed(tiny_policy(lora=lora, reference="adapter_off" if lora else "copy", critic=critic))
    updater, batch, credit = prepared(policy)
    before = weights(policy)
    terms = natural_step(updater, batch, credit).terms
    moved = changed(policy, before)
    assert moved
    assert not any(name.startswith("critic.") for name in moved)
    assert terms["ratio_max"][0] == pytest.approx(1.0, abs=1e-5)
    assert 0 < terms["step_kl"][0] < LARGE.max_kl
    assert terms["objective_gain"][0] > 0


def test_any_split_into_micro_batches_gives_the_same_step() -> None:
    steps = []
    for budget in (10_000, 64, 1):
        policy = disturbed(tiny_policy())
        before = weights(policy)
        stats = natural_step(*prepared(policy, microbatch_tokens=budget))
        step = torch.cat([(now - before[name]).flatten() for name, now in weights(policy).items()])
        steps.append((step, stats.terms["step_kl"][0], stats.terms["objective_gain"][0]))
    for step, kl, gain in steps[1:]:
        assert (step - steps[0][0]).norm() < 1e-3 * steps[0][0].norm()
        assert kl == pytest.approx(steps[0][1], rel=1e-3)
        assert gain == pytest.approx(steps[0][2], rel=1e-3)


@pytest.mark.parametrize(("budget", "kept"), [(10_000, True), (64, False)])
def test_the_graph_of_a_single_micro_batch_is_built_once(budget: int, kept: bool) -> None:
    def forwards(cg_steps: int) -> int:
        policy = disturbed(tiny_policy())
        region = TrustRegion(cg_steps=cg_steps, cg_damping=0.01)
        updater, batch, credit = prepared(policy, trust_region=region, microbatch_tokens=budget)
        ran: list[int] = []
        policy.model.register_forward_pre_hook(lambda *_: ran.append(1))
        assert natural_step(updater, batch, credit).terms["line_search_tries"] == [1.0]
        return len(ran)

    assert (forwards(1) == forwards(4)) is kept


@pytest.mark.parametrize("budget", [10_000, 64])
def test_curvature_may_be_measured_on_every_third_episode(budget: int) -> None:
    policy = disturbed(tiny_policy())
    size = sum(weight.numel() for name, weight in policy.trainable_parameters() if not name.startswith("critic."))
    gradient = torch.randn(size, generator=torch.Generator().manual_seed(0))

    def step(every: int, fisher_every: int) -> torch.Tensor:
        region = TrustRegion(cg_steps=2, cg_damping=0.01, fisher_every=fisher_every)
        made = prepared(policy, every, trust_region=region, microbatch_tokens=budget)
        natural = made[0].natural_step
        assert natural is not None
        return natural._full_step(whole(*made), gradient)

    found, expected, of_all = step(1, 3), step(3, 1), step(1, 1)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-3)
    assert (found - of_all).norm() > 0.01 * of_all.norm(), "the other episodes' curvature is another"


def test_a_search_that_fails_leaves_every_bit_and_is_counted() -> None:
    policy = disturbed(tiny_policy())
    updater, batch, credit = prepared(policy)
    assert updater.natural_step is not None
    before = weights(policy)
    updater.natural_step._evaluate = lambda portion, old: (-1e9, 1.0)  # type: ignore[method-assign]
    stats = natural_step(updater, batch, credit)
    assert not changed(policy, before)
    assert (stats.steps, stats.terms["line_search_failed"], stats.terms["step_kl"]) == (0, [1.0], [0.0])
    assert stats.terms["line_search_tries"] == [LARGE.line_search_steps]


@pytest.mark.parametrize("objective", [1e9, float("nan")])
def test_a_length_that_does_not_improve_is_refused(objective: float) -> None:
    policy = disturbed(tiny_policy())
    updater, batch, credit = prepared(policy)
    assert updater.natural_step is not None
    updater.natural_step._evaluate = lambda portion, old: (objective, 0.0)  # type: ignore[method-assign]
    assert natural_step(updater, batch, credit).terms["line_search_failed"] == [1.0]


def test_without_advantages_or_with_broken_ones_there_is_no_step() -> None:
    policy = disturbed(tiny_policy())
    before = weights(policy)
    for advantage in (0.0, np.inf):
        updater, batch, credit = prepared(policy)
        credit.advantages[:] = advantage
        stats = natural_step(updater, batch, credit)
        assert (stats.steps, stats.skipped) == (0, 1)
    assert not changed(policy, before)


@pytest.mark.parametrize("detach", [True, False])
def test_the_critic_never_moves_the_trunk(detach: bool) -> None:
    policy = disturbed(tiny_policy(critic_detach=detach))
    updater, batch, credit = prepared(policy)
    credit.advantages[:] = 0.0
    before = weights(policy)
    stats = update(updater, batch, credit, kl_coef=0.0, entropy_coef=0.0)
    moved = changed(policy, before)
    assert stats.steps == 1
    assert moved
    assert all(name.startswith("critic.") for name in moved)


def test_attention_that_cannot_be_differentiated_twice_is_refused_with_the_remedy() -> None:
    policy = CausalLMPolicy.from_pretrained("tiny", attention="sdpa")
    with pytest.raises(ConfigError, match="attention='eager'"):
        Updater(policy, ALGORITHM, TRPOConfig())
    policy.make_twice_differentiable()
    Updater(policy, ALGORITHM, TRPOConfig())
    assert policy.settings.attention == "eager"
