"""Group-relative policy optimisation: several episodes on the same item take the critic's place.

    maximise  E[ min(ratio A_i, clip(ratio, 1 - eps, 1 + eps) A_i) ] - kl_coef KL,   A_i = (R_i - mean_g R) / std_g R

with the same advantage for every action token of episode `i`.
Source: Shao et al. 2024, "DeepSeekMath", equations 3 and 4. `loss_type` says what the expectation divides by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from agents.advantages.group import Scale, group_relative
from agents.algorithms.base import Algorithm, Credit, policy_loss
from agents.algorithms.config import KLEstimator, KLPlacement, TrainConfig
from agents.losses import weights
from agents.trajectory import FloatArray, IntArray, TokenBatch


@dataclass(frozen=True, kw_only=True)
class GRPOConfig(TrainConfig):
    """Settings of GRPO."""

    group_size: int = 8
    """Episodes on the same item."""
    kl_placement: KLPlacement = "loss"
    """Where the divergence is charged: as a loss term (k2, k3, k3_k2grad), or off each token's reward (k1)."""
    kl_estimator: KLEstimator = "k3_k2grad"
    """The estimator of the divergence; agents/losses/kl.py says what each is the gradient of."""
    loss_type: Literal["grpo", "bnpo", "dr_grpo"] = "grpo"
    """What divides: each episode's tokens, then episodes (grpo); all tokens (bnpo); episodes x a constant (dr_grpo)."""
    scale_advantage: Scale = "group"
    """The standard deviation that divides the advantage: the group's, the batch's, or none (Dr. GRPO)."""
    dr_grpo_tokens: int = 256
    """The constant number of tokens per episode that loss_type=dr_grpo divides by."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        self._require(self.dr_grpo_tokens >= 1, "dr_grpo_tokens", "must be at least 1")


def credit(batch: TokenBatch, config: GRPOConfig) -> Credit:
    """Return each episode's group-relative advantage on all its tokens; episodes not fully scored are not trained."""
    returns = np.zeros(len(batch.trajectories))
    np.add.at(returns, batch.trajectory_index, batch.rewards)
    advantages = group_relative(returns, batch.group_ids, batch.episode_valid, config.scale_advantage)
    mask = batch.episode_valid[batch.trajectory_index]
    return Credit(advantages[batch.trajectory_index], np.full_like(batch.rewards, np.nan), mask)


def normalizer(trajectory_index: IntArray, config: GRPOConfig) -> FloatArray:
    """Return the token weights of `loss_type`."""
    match config.loss_type:
        case "grpo":
            return weights.per_episode(trajectory_index)
        case "bnpo":
            return weights.per_token(trajectory_index)
        case "dr_grpo":
            return weights.per_constant(trajectory_index, config.dr_grpo_tokens)


ALGORITHM = Algorithm(
    name="grpo",
    title="Group-relative policy optimisation: no critic, episodes compared within their group",
    paper="Shao et al. 2024, https://arxiv.org/abs/2402.03300",
    config=GRPOConfig,
    credit=credit,
    loss=policy_loss,
    normalizer=normalizer,
    critic=False,
)
