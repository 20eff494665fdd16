"""REINFORCE++: PPO without its critic. Returns to go, the token's divergence in them, normalised over the batch.

    maximise  E[ min(ratio A, clip(ratio, 1 - eps, 1 + eps) A) ],   A_t = (G_t - mean(G)) / std(G)

where `G_t` sums the rewards less ``kl_coef (log pi - log ref)`` from token `t` on, and mean and deviation are those of
all trained tokens of the batch: not of a group, whose few members make them depend on each answer.
Source: Hu et al. 2025, "REINFORCE++".
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.algorithms.base import Algorithm
from agents.algorithms.clipped import ClippedConfig, clipped_loss
from agents.algorithms.monte_carlo import MonteCarloConfig, return_credit
from agents.losses import weights
from agents.trajectory import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class REINFORCEPlusPlusConfig(ClippedConfig, MonteCarloConfig):
    """Settings of REINFORCE++."""

    n_minibatches: int = 2
    """Optimiser steps per pass; each sees its share of the episodes."""
    kl_coef: float = 0.01
    """Weight of the divergence from the reference policy; 0 leaves the reference out altogether."""


def normalizer(trajectory_index: IntArray, config: REINFORCEPlusPlusConfig) -> FloatArray:
    """Return the mean over all trained tokens."""
    del config
    return weights.per_token(trajectory_index)


ALGORITHM = Algorithm(
    name="reinforce_plus_plus",
    title="REINFORCE++: clipped surrogate, returns normalised over the batch, no critic, no group",
    paper="Hu et al. 2025, https://arxiv.org/abs/2501.03262",
    equations=(
        "maximise  mean_t[ min(r_t A_t, clip(r_t, 1 - clip_range, 1 + clip_range_high) A_t) ]",
        "r_t = pi_new(x_t) / pi_old(x_t)",
        "A_t = (G_t - mean(G)) / std(G)  over the batch's trained tokens",
        "G_t = reward_t - kl_coef (log pi_old(x_t) - log ref(x_t)) + gamma G_{t+1}    (action tokens only)",
    ),
    oracle="tables by hand for the advantage; TRL's GRPOTrainer, loss_type bnpo, for the loss and its gradient",
    config=REINFORCEPlusPlusConfig,
    credit=return_credit,
    loss=clipped_loss,
    normalizer=normalizer,
)
