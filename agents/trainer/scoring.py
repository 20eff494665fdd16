"""What the policy says about a fresh batch, before any update: once per batch, without gradient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from agents.distributed.ranks import ALONE, Ranks
from agents.policies.batching import plan
from agents.trainer.microbatch import microbatches, pad_states
from agents.trainer.protocols import TrainablePolicy
from agents.trajectory import FloatArray, TokenBatch


@torch.no_grad()
def score_batch(
    policy: TrainablePolicy, batch: TokenBatch, budget: int, *, critic: bool, reference: bool, ranks: Ranks = ALONE
) -> TokenBatch:
    """Return `batch` with what the trainer says of its tokens, and the reference and the critic where asked for.

    The log-probabilities come from the same `score` that the update differentiates, so that the ratio new/old of the
    first minibatch is 1.

    Args:
        policy: under `eval`.
        batch: as collected.
        budget: the most padded tokens in a micro-batch.
        critic: fill `values` and `bootstrap`.
        reference: fill `ref_logprobs`.
        ranks: that share the work; each has the whole batch.
    """
    old_logprobs, ref_logprobs, entropy, values = (np.zeros(len(batch), dtype=np.float32) for _ in range(4))
    for rows in ranks.share(microbatches(batch, np.ones(len(batch), dtype=np.bool_), budget)):
        inputs = (rows.token_ids, rows.attention_mask, rows.select, rows.temperature)
        scores = policy.score(*inputs)
        old_logprobs[rows.tokens] = scores.logprobs.float().cpu().numpy()
        entropy[rows.tokens] = scores.entropy.float().cpu().numpy()
        if critic and scores.values is not None:
            values[rows.tokens] = scores.values.float().cpu().numpy()
        if reference:
            ref_logprobs[rows.tokens] = policy.reference_logprobs(*inputs).float().cpu().numpy()
    unknown = np.full(len(batch), np.nan, dtype=np.float32)
    return replace(
        batch,
        old_logprobs=ranks.sum_array(old_logprobs),
        ref_logprobs=ranks.sum_array(ref_logprobs) if reference else unknown,
        entropy=ranks.sum_array(entropy),
        values=ranks.sum_array(values) if critic else unknown,
        bootstrap=ranks.sum_array(_bootstrap(policy, batch, budget, ranks)) if critic else batch.bootstrap,
    )


def _bootstrap(policy: TrainablePolicy, batch: TokenBatch, budget: int, ranks: Ranks) -> FloatArray:
    """[K] the value of each truncated episode's last state; 0 where the episode terminated."""
    bootstrap = np.zeros(len(batch.trajectories), dtype=np.float32)
    cut = [
        (index, trajectory.final_ids)
        for index, trajectory in enumerate(batch.trajectories)
        if not trajectory.terminated and trajectory.final_ids is not None
    ]
    lengths = np.array([len(ids) for _, ids in cut], dtype=np.int64)
    for group in ranks.share(plan(lengths, budget)):
        values = policy.state_values(*pad_states([cut[i][1] for i in group]))
        bootstrap[[cut[i][0] for i in group]] = values.float().cpu().numpy()
    return bootstrap
