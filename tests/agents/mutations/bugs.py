"""Named bugs: each puts one wrong behaviour into the real code, in the one place where the right one lives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from agents import trajectory
from agents.advantages.gae import Advantages, discounts, token_gae
from agents.algorithms import actor_critic, base
from agents.algorithms.actor_critic import ActorCriticConfig
from agents.algorithms.base import LossInputs
from agents.losses.kl import k1
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.scores import TokenScores
from agents.policies.selection import logits_at
from agents.rollout.engine import Completion
from agents.rollout.local import LocalEngine
from agents.rollout.recording import Recording, _OpenSegment
from agents.trainer.microbatch import Rows
from agents.trainer.portion import Portion
from agents.trajectory import FloatArray, IntArray, Segment, TokenBatch


def gae_through_observations(patch: pytest.MonkeyPatch) -> None:
    """Every observation token is a step: lambda and gamma are charged for each (values there are as at its end)."""

    def tokens(batch: TokenBatch, config: ActorCriticConfig) -> Advantages:
        steps = np.maximum(np.diff(batch.position, append=0), 1)
        discount = discounts(batch.turn_end, config.token_gamma, config.turn_gamma) ** steps
        decay = config.gae_lambda**steps
        return token_gae(batch.rewards, batch.values, batch.bootstrap, batch.trajectory_index, discount, decay)

    patch.setattr(actor_critic, "_tokens", tokens)


def reward_on_the_wrong_token(patch: pytest.MonkeyPatch) -> None:
    """Rewards are placed one action token too late."""
    place = trajectory._place_rewards

    def late(*arguments: Any) -> FloatArray:
        return np.roll(place(*arguments), 1)

    patch.setattr(trajectory, "_place_rewards", late)


def inverted_mask(patch: pytest.MonkeyPatch) -> None:
    """What the world said is trained on, and what was sampled is not."""
    close = _OpenSegment.close

    def inverted(self: _OpenSegment, length: int | None = None) -> Segment:
        right = close(self, length)
        mask = ~right.action_mask & (np.arange(len(right.action_mask)) > 0)
        # Each token of the world is counted to the turn that answers it.
        answered = np.maximum.accumulate(np.where(right.action_mask, right.turn_index + 1, 0))
        turns = np.minimum(answered, right.turn_index.max(initial=0))
        return Segment(right.token_ids, mask, right.behavior_logprobs, np.where(mask, turns, trajectory.NO_TURN))

    patch.setattr(_OpenSegment, "close", inverted)


def missing_temperature(patch: pytest.MonkeyPatch) -> None:
    """The trainer scores tokens at temperature 1, whatever they were sampled at."""
    score = CausalLMPolicy.score

    def cold(self: CausalLMPolicy, ids: Tensor, mask: Tensor, select: Tensor, temperature: Tensor) -> TokenScores:
        return score(self, ids, mask, select, torch.ones_like(temperature))

    patch.setattr(CausalLMPolicy, "score", cold)


def mean_of_each_micro_batch(patch: pytest.MonkeyPatch) -> None:
    """A micro-batch divides by its own tokens, not by those of the step."""
    true_inputs = Portion.loss_inputs

    def inputs(self: Portion, scores: TokenScores, rows: Rows) -> LossInputs:
        found = true_inputs(self, scores, rows)
        return replace(found, weight=torch.full_like(found.weight, 1 / len(rows.tokens)))

    patch.setattr(Portion, "loss_inputs", inputs)


def wrong_group(patch: pytest.MonkeyPatch) -> None:
    """Every episode is a group of its own."""
    patch.setattr(TokenBatch, "group_ids", property(lambda batch: np.arange(len(batch.trajectories))))


def interleaved_groups(patch: pytest.MonkeyPatch) -> None:
    """Groups are dealt out like cards, although their members lie side by side."""

    def dealt(batch: TokenBatch) -> IntArray:
        return np.arange(len(batch.trajectories)) % len({t.group_id for t in batch.trajectories})

    patch.setattr(TokenBatch, "group_ids", property(dealt))


def k1_in_the_loss(patch: pytest.MonkeyPatch) -> None:
    """The divergence is charged as a loss by an estimator that has no gradient on average."""
    for name in list(base.LOSS_ESTIMATORS):
        patch.setitem(base.LOSS_ESTIMATORS, name, k1)  # type: ignore[arg-type]


def values_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """A token's value is that of the state after it."""
    score = CausalLMPolicy.score

    def late(self: CausalLMPolicy, ids: Tensor, mask: Tensor, select: Tensor, temperature: Tensor) -> TokenScores:
        assert self.critic is not None
        values = self.critic(logits_at(self.model, ids, mask, select)[1])
        return replace(score(self, ids, mask, select, temperature), values=values)

    patch.setattr(CausalLMPolicy, "score", late)


def stop_token_untrained(patch: pytest.MonkeyPatch) -> None:
    """A sampled stop token is taken for a part of the template."""
    add_turn = Recording.add_turn

    def without_stop(self: Recording, completion: Completion) -> None:
        said = len(completion.token_ids) - (completion.finish_reason == "stop")
        add_turn(self, replace(completion, token_ids=completion.token_ids[:said], logprobs=completion.logprobs[:said]))
        self.add_world(completion.token_ids[said:])

    patch.setattr(Recording, "add_turn", without_stop)


def stale_prefix_cache(patch: pytest.MonkeyPatch) -> None:
    """Keys and values outlive the weights that made them."""

    def sync(self: LocalEngine, policy: CausalLMPolicy) -> int:
        self.policy, self._version = policy, policy.weights_version
        return self._version

    patch.setattr(LocalEngine, "sync", sync)
