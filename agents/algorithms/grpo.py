"""Group-relative policy optimisation: several episodes on the same item take the critic's place.

    maximise  E[ min(ratio A_i, clip(ratio, 1 - eps, 1 + eps) A_i) ] - kl_coef KL,   A_i = (R_i - mean_g R) / std_g R

with the same advantage for every action token of episode `i`.
Source: Shao et al. 2024, "DeepSeekMath", equations 3 and 4. `loss_type` names the published relatives: what the
expectation divides by, and which ratio is bounded how.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from agents.advantages.group import Scale, fused_parts, group_relative
from agents.advantages.returns import episode_returns
from agents.algorithms.base import Algorithm, Credit, Loss, LossInputs, policy_loss
from agents.algorithms.clipped import ClippedConfig, clipped_loss
from agents.algorithms.config import KLEstimator, KLPlacement
from agents.algorithms.settings import Filters
from agents.losses import weights
from agents.losses.sequence import sequence_log_ratio
from agents.losses.surrogate import clipped_weight_surrogate
from agents.trajectory import FloatArray, IntArray, TokenBatch
from textenvs.errors import check_known

LossType = Literal["grpo", "bnpo", "dapo", "dr_grpo", "cispo", "gspo"]


@dataclass(frozen=True, kw_only=True)
class GRPOConfig(ClippedConfig):
    """Settings of GRPO and its relatives."""

    group_size: int = 8
    """Episodes on the same item; one alone has nothing to be compared with, and trains nothing."""
    kl_placement: KLPlacement = "loss"
    """Where the divergence is charged: as a loss term (k2, k3, k3_k2grad), or off each token's reward (k1)."""
    kl_estimator: KLEstimator = "k3_k2grad"
    """The estimator of the divergence; agents/losses/kl.py says what each is the gradient of."""
    loss_type: LossType = "grpo"
    """Ratio per token and the mean of each episode (grpo), of all tokens (dapo, bnpo), or over a constant (dr_grpo);
    bounded weights in place of a clip (cispo); the ratio of whole episodes (gspo)."""
    scale_advantage: Scale = "group"
    """The standard deviation that divides the advantage: the group's, the batch's, or none (Dr. GRPO)."""
    dr_grpo_tokens: int = 256
    """The constant number of tokens per episode that loss_type=dr_grpo divides by."""
    part_weights: Mapping[str, float] | None = None
    """Makes advantages part by part and sums them with these weights (GDPO); of the fused reward, if not given."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        self._require(self.dr_grpo_tokens >= 1, "dr_grpo_tokens", "must be at least 1")
        bounded_weights = self.loss_type == "cispo" and self.dual_clip is not None
        self._require(not bounded_weights, "dual_clip", "must be left out with loss_type='cispo', which clips no ratio")
        if self.loss_type != "dr_grpo":
            self._require_default(["dr_grpo_tokens"], f"is not read with loss_type={self.loss_type!r}")
        if self.loss_type == "cispo" and self.clip_range_high is not None:
            self._require_default(["clip_range"], "is not read with loss_type='cispo', which has no lower bound")
        charged = bool(self.part_weights) and self.kl_placement == "reward"
        self._require(not charged, "kl_placement", "must be 'loss' with part_weights: the divergence is no reward part")


def credit(batch: TokenBatch, config: GRPOConfig) -> Credit:
    """Return each episode's group-relative advantage on all its tokens; episodes not fully scored are not trained.

    Raises:
        UnknownNameError: if `part_weights` names a part that the rewards do not have.
    """
    if config.part_weights and len(batch):
        advantages = _from_parts(batch, config.part_weights, config.scale_advantage)
    else:
        returns = episode_returns(batch.rewards, batch.trajectory_index, len(batch.trajectories))
        advantages = group_relative(returns, batch.group_ids, batch.episode_valid, config.scale_advantage)
    mask = batch.episode_valid[batch.trajectory_index]
    return Credit(advantages[batch.trajectory_index], np.full_like(batch.rewards, np.nan), mask)


def loss(tokens: LossInputs, config: GRPOConfig) -> Loss:
    """Return the surrogate of `loss_type` with entropy bonus and divergence."""
    if config.loss_type == "cispo":
        surrogate = clipped_weight_surrogate(tokens.logprobs, tokens.log_ratio, tokens.advantages, config.clip_high)
        return policy_loss(tokens, surrogate, config)
    if config.loss_type == "gspo":
        return clipped_loss(tokens, config, sequence_log_ratio(tokens.log_ratio, tokens.episode, mean=True))
    return clipped_loss(tokens, config)


def normalizer(trajectory_index: IntArray, config: GRPOConfig) -> FloatArray:
    """Return the token weights of `loss_type`."""
    match config.loss_type:
        case "grpo" | "gspo":
            return weights.per_episode(trajectory_index)
        case "bnpo" | "dapo" | "cispo":
            return weights.per_token(trajectory_index)
        case "dr_grpo":
            return weights.per_constant(trajectory_index, config.dr_grpo_tokens)


def _from_parts(batch: TokenBatch, part_weights: Mapping[str, float], scale: Scale) -> FloatArray:
    parts = batch.part_returns
    for name in part_weights:
        check_known("reward part in part_weights", name, parts)
    return fused_parts(parts, part_weights, batch.group_ids, batch.episode_valid, scale)


ALGORITHM = Algorithm(
    name="grpo",
    title="Group-relative policy optimisation: no critic, episodes compared within their group",
    paper="Shao et al. 2024, https://arxiv.org/abs/2402.03300",
    equations=(
        "maximise  mean_i mean_t[ min(r_t A_i, clip(r_t, 1 - clip_range, 1 + clip_range_high) A_i) ] - kl_coef KL",
        "r_t = pi_new(x_t) / pi_old(x_t),   A_i = (R_i - mean_g(R)) / (std_g(R) + 1e-4)    (i: episodes, g: group)",
        "dapo, bnpo:  mean over all trained tokens;   dr_grpo:  sum / (episodes x dr_grpo_tokens)",
        "gspo:   r_i = exp( mean_t[ log pi_new(x_t) - log pi_old(x_t) ] ) in place of r_t",
        "KL, kl_placement=loss:  mean_t[ stop_gradient(r_t) kl_estimator(x_t) ], divided likewise;   gspo: by r_i",
        "cispo:  mean_t[ stop_gradient(min(r_t, 1 + clip_range_high)) A_i log pi_new(x_t) ]",
        "part_weights w:  A_i = S_i / (std(S) + 1e-4),   S_i = sum_p w_p A_i^p    (p: reward parts)",
    ),
    oracle="TRL's GRPOTrainer: advantages, and for every loss_type the loss and its gradient",
    config=GRPOConfig,
    credit=credit,
    loss=loss,
    normalizer=normalizer,
    whole_episodes=lambda config: config.loss_type == "gspo",
    variants={
        "Dr. GRPO (Liu et al. 2025, https://arxiv.org/abs/2503.20783)": {
            "loss_type": "dr_grpo",
            "scale_advantage": "none",
        },
        "DAPO (Yu et al. 2025, https://arxiv.org/abs/2503.14476)": {
            "loss_type": "dapo",
            "clip_range_high": 0.28,
            "filters": Filters(mask_overlong=True, resample_rounds=10),  # the paper resamples until the batch is full
        },
        "GSPO (Zheng et al. 2025, https://arxiv.org/abs/2507.18071)": {
            "loss_type": "gspo",
            "clip_range": 3e-4,
            "clip_range_high": 4e-4,
        },
        "CISPO (MiniMax 2025, https://arxiv.org/abs/2506.13585)": {"loss_type": "cispo", "clip_range_high": 4.0},
    },
)
