"""Scoring a fresh batch: the state before each token, the bootstrap after the last."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from agents.policies.causal_lm import CausalLMPolicy
from agents.trainer.scoring import score_batch
from agents.trajectory import TokenBatch
from tests.agents.build import random_trajectories, tiny_policy, trajectory, turn


def valued_policy() -> CausalLMPolicy:
    """Return a policy whose critic has something to say."""
    made = tiny_policy()
    assert made.critic is not None
    with torch.no_grad():
        made.critic.output.weight.normal_(generator=torch.Generator().manual_seed(0))
    return made


@pytest.fixture(scope="module")
def policy() -> CausalLMPolicy:
    return valued_policy()


def test_values_belong_to_the_state_before_each_token(policy: CausalLMPolicy) -> None:
    batch = TokenBatch.of(random_trajectories(np.random.default_rng(0)))
    found = score_batch(policy, batch, 200, critic=True, reference=False)
    for token in range(len(batch)):
        state = batch.segments[batch.segment_index[token]].token_ids[: batch.position[token]]
        ids = torch.from_numpy(state)[None]
        expected = policy.state_values(ids, torch.ones_like(ids, dtype=torch.bool)).item()
        assert found.values[token] == pytest.approx(expected, abs=1e-5)
    assert np.isnan(found.ref_logprobs).all()


def test_bootstrap_is_the_value_of_the_last_state_and_0_where_terminated(policy: CausalLMPolicy) -> None:
    episodes = [trajectory([[0]], [turn()], truncated=cut) for cut in (True, False, True)]
    episodes[1] = replace(episodes[1], final_ids=episodes[0].final_ids)
    found = score_batch(policy, TokenBatch.of(episodes), 200, critic=True, reference=False)
    ids = torch.from_numpy(episodes[0].final_ids)[None]
    expected = policy.state_values(ids, torch.ones_like(ids, dtype=torch.bool)).item()
    np.testing.assert_allclose(found.bootstrap, [expected, 0, expected], atol=1e-5)
    assert abs(expected) > 1e-3


def test_the_reference_of_a_fresh_policy_is_the_policy(policy: CausalLMPolicy) -> None:
    batch = TokenBatch.of(random_trajectories(np.random.default_rng(0)))
    found = score_batch(policy, batch, 200, critic=False, reference=True)
    np.testing.assert_allclose(found.old_logprobs, found.ref_logprobs, atol=1e-5)
    assert np.isnan(found.values).all()
    assert np.isnan(found.bootstrap).all()


def test_padding_and_micro_batches_change_no_score(policy: CausalLMPolicy) -> None:
    batch = TokenBatch.of(random_trajectories(np.random.default_rng(1)))
    alone = score_batch(policy, batch, 1, critic=True, reference=False)
    together = score_batch(policy, batch, 10_000, critic=True, reference=False)
    np.testing.assert_allclose(alone.old_logprobs, together.old_logprobs, atol=1e-5)
    np.testing.assert_allclose(alone.values, together.values, atol=1e-5)
