"""The update: the ratio starts at 1, splits change no gradient, and nothing that is masked or broken gets through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from agents.algorithms.base import AnyAlgorithm, Credit
from agents.algorithms.config import TrainConfig
from agents.algorithms.registry import ALGORITHMS
from agents.algorithms.settings import Importance
from agents.policies.causal_lm import CausalLMPolicy
from agents.trainer.portion import UpdateStats
from agents.trainer.scoring import score_batch
from agents.trainer.update import Updater, UpdateState
from agents.trajectory import TokenBatch, Trajectory
from tests.agents.build import random_trajectories, tiny_policy

EVERY_TERM = {
    "entropy_coef": 0.1,
    "kl_coef": 0.3,
    "kl_placement": "loss",
    "kl_estimator": "k3_k2grad",
    "importance": Importance(cap=2.0),
    "n_minibatches": 1,
    "n_epochs": 1,
    "group_size": 2,
}
LORA = {"r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "v_proj"]}


def disturbed(policy: CausalLMPolicy) -> CausalLMPolicy:
    """Move the weights, so that critic, adapter and reference have something to say."""
    with torch.no_grad():
        for position, (_, parameter) in enumerate(policy.trainable_parameters()):
            noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(position))
            parameter.add_(0.05 * noise)
    return policy


def prepared(
    name: str, policy: CausalLMPolicy, episodes: list[Trajectory], **settings: Any
) -> tuple[AnyAlgorithm, TrainConfig, TokenBatch, Credit]:
    algorithm = ALGORITHMS[name]
    config = algorithm.config(**{**EVERY_TERM, **settings})
    reference = policy.settings.reference is not None
    batch = score_batch(policy, TokenBatch.of(episodes), 10_000, critic=True, reference=reference)
    return algorithm, config, batch, algorithm.credit(batch, config)


def update(updater: Updater, batch: TokenBatch, credit: Credit, **changes: Any) -> UpdateStats:
    settings = {"learning_rate": 1e-3, "kl_coef": 0.3, "entropy_coef": 0.1, "critic_only": False, **changes}
    state = UpdateState(batch, credit)
    updater.run(state, generator=np.random.default_rng(0), after_step=lambda: None, **settings)
    return state.stats


def gradients(name: str, policy: CausalLMPolicy, episodes: list[Trajectory], **settings: Any) -> list[torch.Tensor]:
    """Return the gradient that the optimiser would have been given."""
    algorithm, config, batch, credit = prepared(name, policy, episodes, max_grad_norm=1e9, **settings)
    updater = Updater(policy, algorithm, config)
    captured: list[torch.Tensor] = []
    before = weights(policy)

    def capture() -> None:
        captured.extend(p.grad.clone() for _, p in updater.named_parameters if p.grad is not None)

    updater.optimizer.step = capture  # type: ignore[method-assign]
    update(updater, batch, credit)
    with torch.no_grad():  # a natural step has moved the policy before the optimiser's turn
        for weight_name, parameter in updater.named_parameters:
            parameter.copy_(before[weight_name])
    assert captured
    return captured


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
@pytest.mark.parametrize("lora", [None, LORA])
def test_the_first_minibatchs_ratio_is_one(name: str, lora: dict[str, Any] | None) -> None:
    policy = disturbed(tiny_policy(lora=lora, reference="adapter_off" if lora else "copy"))
    episodes = random_trajectories(np.random.default_rng(0))
    algorithm, config, batch, credit = prepared(name, policy, episodes, microbatch_tokens=24)
    stats = update(Updater(policy, algorithm, config), batch, credit)
    assert stats.terms["ratio_max"][0] == pytest.approx(1.0, abs=1e-5)
    assert stats.terms["approx_kl"][0] == pytest.approx(0.0, abs=1e-6)
    assert stats.terms["clip_fraction"][0] == 0.0


def test_without_the_temperature_the_ratio_is_not_one() -> None:
    """The test above can fail: the same tokens scored at another temperature."""
    policy = disturbed(tiny_policy())
    algorithm, config, batch, credit = prepared("ppo", policy, random_trajectories(np.random.default_rng(0)))
    cold = replace(batch, temperature=np.ones_like(batch.temperature))
    assert update(Updater(policy, algorithm, config), cold, credit).terms["ratio_max"][0] > 1.01


@pytest.mark.parametrize(
    ("name", "settings"),
    [("ppo", {}), ("ppo", {"clip_range_value": 0.01}), ("grpo", {}), ("grpo", {"loss_type": "bnpo"})]
    + [("grpo", {"loss_type": "dr_grpo", "kl_estimator": estimator}) for estimator in ("k2", "k3")],
)
def test_any_split_into_micro_batches_gives_the_same_gradient(name: str, settings: dict[str, Any]) -> None:
    policy = disturbed(tiny_policy())
    episodes = random_trajectories(np.random.default_rng(0), count=8)
    whole = gradients(name, policy, episodes, microbatch_tokens=10_000, **settings)
    for budget in (1, 30, 64):
        split = gradients(name, policy, episodes, microbatch_tokens=budget, **settings)
        for one, other in zip(split, whole, strict=True):
            torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_the_order_of_the_episodes_changes_no_gradient(name: str) -> None:
    policy = disturbed(tiny_policy())
    episodes = random_trajectories(np.random.default_rng(0), count=8)
    for one, other in zip(gradients(name, policy, episodes[::-1]), gradients(name, policy, episodes), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def poisoned(episodes: list[Trajectory]) -> list[Trajectory]:
    """Plant NaN wherever nothing is trained: on world tokens, and in everything about unscored turns."""
    nan = float("nan")
    made = []
    for episode in episodes:
        segments = tuple(
            replace(s, behavior_logprobs=np.where(s.action_mask, s.behavior_logprobs, nan).astype(np.float32))
            for s in episode.segments
        )
        turns = tuple(replace(t, reward=t.reward if t.valid else nan, parts={"x": nan}) for t in episode.turns)
        made.append(replace(episode, segments=segments, turns=turns))
    return made


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_nan_at_masked_positions_changes_nothing(name: str) -> None:
    policy = disturbed(tiny_policy())
    episodes = random_trajectories(np.random.default_rng(3), count=8)
    unscored = replace(episodes[0], turns=(*episodes[0].turns[:-1], replace(episodes[0].turns[-1], valid=False)))
    episodes = [unscored, *episodes[1:]]
    clean, dirty = gradients(name, policy, episodes), gradients(name, policy, poisoned(episodes))
    for one, other in zip(dirty, clean, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_unscored_turns_give_no_gradient(name: str) -> None:
    policy = disturbed(tiny_policy())
    episodes = random_trajectories(np.random.default_rng(0))
    lost = [replace(e, turns=tuple(replace(t, valid=False) for t in e.turns)) for e in episodes]
    algorithm, config, batch, credit = prepared(name, policy, lost)
    stats = update(Updater(policy, algorithm, config), batch, credit)
    assert (stats.steps, stats.skipped, dict(stats.terms)) == (0, 0, {})


def weights(policy: CausalLMPolicy) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in policy.trainable_parameters()}


def changed(policy: CausalLMPolicy, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, now in weights(policy).items() if not torch.equal(now, before[name])}


def test_a_loss_that_is_not_finite_is_skipped_and_counted() -> None:
    policy = disturbed(tiny_policy())
    episodes = random_trajectories(np.random.default_rng(0))
    algorithm, config, batch, credit = prepared("ppo", policy, episodes, n_minibatches=3)
    credit.advantages[0] = np.inf
    before = weights(policy)
    stats = update(Updater(policy, algorithm, config), batch, credit)
    assert (stats.steps, stats.skipped) == (2, 1)
    assert changed(policy, before)
    assert all(torch.isfinite(value).all() for value in weights(policy).values())


def test_target_kl_ends_the_update_before_the_step() -> None:
    policy = disturbed(tiny_policy())
    episodes = random_trajectories(np.random.default_rng(0))
    algorithm, config, batch, credit = prepared("ppo", policy, episodes, n_epochs=8, target_kl=1e-4)
    stats = update(Updater(policy, algorithm, config), batch, credit, learning_rate=0.05)
    assert stats.stopped
    assert stats.steps == 1
    assert stats.terms["approx_kl"][-1] > 1.5e-4
    patient = replace(config, target_kl=None)
    assert update(Updater(policy, algorithm, patient), batch, credit).steps == 8


def test_while_the_critic_warms_up_nothing_else_moves() -> None:
    policy = disturbed(tiny_policy())
    algorithm, config, batch, credit = prepared("ppo", policy, random_trajectories(np.random.default_rng(0)))
    before = weights(policy)
    policy.score = lambda *_: pytest.fail("only values are wanted")  # type: ignore[method-assign]
    stats = update(Updater(policy, algorithm, config), batch, credit, critic_only=True)
    assert set(stats.terms) == {"loss", "value_loss", "grad_norm"}
    moved = changed(policy, before)
    assert moved
    assert all(name.startswith("critic.") for name in moved)


def test_the_critic_can_learn_at_a_rate_of_its_own() -> None:
    def steps(scale: float) -> dict[bool, float]:
        """The longest step of any weight: Adam's first one is the learning rate, whatever the gradient."""
        policy = disturbed(tiny_policy())
        episodes = random_trajectories(np.random.default_rng(0))
        algorithm, config, batch, credit = prepared("ppo", policy, episodes, critic_lr_scale=scale)
        before = weights(policy)
        update(Updater(policy, algorithm, config), batch, credit, learning_rate=1e-3)
        longest = {False: 0.0, True: 0.0}
        for name, weight in policy.trainable_parameters():
            step = float((weight.detach() - before[name]).abs().max())
            longest[name.startswith("critic.")] = max(longest[name.startswith("critic.")], step)
        return longest

    assert steps(1.0) == pytest.approx({False: 1e-3, True: 1e-3}, rel=0.01)
    assert steps(7.0) == pytest.approx({False: 1e-3, True: 7e-3}, rel=0.01)


def test_the_gradients_norm_is_clipped_and_reported_as_it_was() -> None:
    policy = disturbed(tiny_policy())
    algorithm, config, batch, credit = prepared(
        "ppo", policy, random_trajectories(np.random.default_rng(0)), max_grad_norm=1e-3
    )
    updater = Updater(policy, algorithm, config)
    norms: list[float] = []

    def capture() -> None:
        gradient = [p.grad.flatten() for _, p in updater.named_parameters if p.grad is not None]
        norms.append(torch.cat(gradient).norm().item())

    updater.optimizer.step = capture  # type: ignore[method-assign]
    stats = update(updater, batch, credit)
    assert norms[0] == pytest.approx(1e-3, rel=1e-3)
    assert stats.terms["grad_norm"][0] > 1e-2


def test_minibatches_deal_every_episode_once_per_epoch() -> None:
    policy = tiny_policy()
    algorithm, config, batch, credit = prepared(
        "grpo", policy, random_trajectories(np.random.default_rng(0), count=7), n_minibatches=3, n_epochs=2
    )
    masks = list(Updater(policy, algorithm, config)._minibatches(batch, credit.mask, np.random.default_rng(0)))
    assert len(masks) == 6
    for epoch in (masks[:3], masks[3:]):
        np.testing.assert_array_equal(np.sum(epoch, axis=0), credit.mask.astype(int))
        dealt = [set(batch.trajectory_index[mask]) for mask in epoch]
        assert sum(map(len, dealt)) == len(set.union(*dealt)) == 7


@pytest.mark.parametrize("budget", [1, 10_000])
def test_logged_terms_are_means_over_the_minibatchs_tokens(budget: int) -> None:
    policy = disturbed(tiny_policy())
    episodes = random_trajectories(np.random.default_rng(0))
    algorithm, config, batch, credit = prepared("ppo", policy, episodes, microbatch_tokens=budget)
    stats = update(Updater(policy, algorithm, config), batch, credit)
    errors = (credit.returns - batch.values) ** 2
    assert stats.terms["value_loss"][0] == pytest.approx(errors.mean(), rel=1e-4)
    weight = np.minimum(np.exp(batch.old_logprobs - batch.behavior_logprobs), 2.0)
    assert stats.terms["importance"][0] == pytest.approx(weight.mean(), rel=1e-4)
    assert stats.terms["policy_loss"][0] == pytest.approx(-(weight * credit.advantages).mean(), rel=1e-3)


def test_an_update_makes_a_new_version_of_the_weights() -> None:
    policy = tiny_policy()
    algorithm, config, batch, credit = prepared("ppo", policy, random_trajectories(np.random.default_rng(0)))
    before = policy.weights_version
    update(Updater(policy, algorithm, config), batch, credit)
    assert policy.weights_version == before + 1
