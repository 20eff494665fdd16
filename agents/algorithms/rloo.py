"""REINFORCE leave-one-out: a whole episode is one action, the others of its group are its baseline.

    maximise  E_i[ min(ratio_i A_i, clip(ratio_i, 1 - eps, 1 + eps) A_i) ],   A_i = R_i - mean_{j != i}(R_j)

where `ratio_i` is that of the probabilities of all that the agent said in episode `i`, and the divergence is charged to
the reward, token by token. On the first step its gradient is REINFORCE's.
Source: Ahmadian et al. 2024, "Back to Basics", section 2.2; the clipped ratio is that of TRL's RLOOTrainer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.advantages.group import leave_one_out
from agents.advantages.returns import episode_returns
from agents.algorithms.base import Algorithm, Credit, Loss, LossInputs
from agents.algorithms.clipped import ClippedConfig, clipped_loss
from agents.losses import weights
from agents.losses.sequence import sequence_log_ratio
from agents.trajectory import FloatArray, IntArray, TokenBatch


@dataclass(frozen=True, kw_only=True)
class RLOOConfig(ClippedConfig):
    """Settings of RLOO."""

    group_size: int = 4
    """Episodes on the same item; one alone has nothing to be compared with, and trains nothing."""


def credit(batch: TokenBatch, config: RLOOConfig) -> Credit:
    """Return each episode's advantage over the others of its group; episodes not fully scored are not trained."""
    del config
    returns = episode_returns(batch.rewards, batch.trajectory_index, len(batch.trajectories))
    advantages = leave_one_out(returns, batch.group_ids, batch.episode_valid)
    mask = batch.episode_valid[batch.trajectory_index]
    return Credit(advantages[batch.trajectory_index], np.full_like(batch.rewards, np.nan), mask)


def loss(tokens: LossInputs, config: RLOOConfig) -> Loss:
    """Return the clipped surrogate of whole episodes."""
    log_ratio = sequence_log_ratio(tokens.log_ratio, tokens.episode, mean=False)
    return clipped_loss(tokens, config, log_ratio)


def normalizer(trajectory_index: IntArray, config: RLOOConfig) -> FloatArray:
    """Return the mean over episodes."""
    del config
    return weights.per_episode(trajectory_index)


ALGORITHM = Algorithm(
    name="rloo",
    title="REINFORCE leave-one-out: episodes as single actions, each against the others of its group",
    paper="Ahmadian et al. 2024, https://arxiv.org/abs/2402.14740",
    equations=(
        "maximise  mean_i[ min(r_i A_i, clip(r_i, 1 - clip_range, 1 + clip_range_high) A_i) ]    (i: episodes)",
        "r_i = exp( sum_t[ log pi_new(x_t) - log pi_old(x_t) ] )",
        "A_i = R_i - mean_{j != i}(R_j)    (j: the others of the group)",
        "R_i = sum of rewards - kl_coef sum_t[ log pi_old(x_t) - log ref(x_t) ]",
    ),
    oracle="TRL's RLOOTrainer: advantages, loss and its gradient",
    config=RLOOConfig,
    credit=credit,
    loss=loss,
    normalizer=normalizer,
    whole_episodes=lambda config: True,
)
