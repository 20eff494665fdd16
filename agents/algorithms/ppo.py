"""Proximal policy optimisation at token level, with a critic.

    maximise  E[ min(ratio A, clip(ratio, 1 - eps, 1 + eps) A) ] - value_coef E[(R - V)^2] + entropy_coef E[H]

where every expectation is the mean over trained tokens, `ratio` is new/old, and `A` is GAE over action tokens only.
Source: Schulman et al. 2017, "Proximal Policy Optimization Algorithms", equation 9.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.algorithms.actor_critic import ActorCriticConfig, critic_pace, gae_credit, value_loss, with_critic
from agents.algorithms.base import Algorithm, CriticInputs, Loss, LossInputs, ValueLearning
from agents.algorithms.clipped import ClippedConfig, clipped_loss
from agents.losses import weights
from agents.trajectory import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class PPOConfig(ClippedConfig, ActorCriticConfig):
    """Settings of PPO."""

    n_epochs: int = 2
    """Passes over the collected episodes."""
    n_minibatches: int = 2
    """Optimiser steps per pass; each sees its share of the episodes."""
    clip_range_value: float | None = None
    """How far a value may move from the one at collection; no clipping, if not given."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        clip = self.clip_range_value
        self._require(clip is None or clip > 0, "clip_range_value", "must be above 0, or left out")


def loss(tokens: LossInputs, config: PPOConfig) -> Loss:
    """Return the clipped surrogate with entropy bonus and the critic's squared error."""
    return with_critic(clipped_loss(tokens, config), clipped_value_loss(tokens, config))


def clipped_value_loss(tokens: CriticInputs, config: PPOConfig) -> Loss:
    """Return the critic's squared error, whose values move no further than `clip_range_value`."""
    return value_loss(tokens, config, config.clip_range_value)


def normalizer(trajectory_index: IntArray, config: PPOConfig) -> FloatArray:
    """Return the mean over all trained tokens."""
    del config
    return weights.per_token(trajectory_index)


ALGORITHM = Algorithm(
    name="ppo",
    title="Proximal policy optimisation: clipped surrogate, critic, GAE per token or turn",
    paper="Schulman et al. 2017, https://arxiv.org/abs/1707.06347",
    equations=(
        "maximise  mean_t[ min(r_t A_t, clip(r_t, 1 - clip_range, 1 + clip_range_high) A_t) ]",
        "          - value_coef mean_t[ (R_t - V_t)^2 ] + entropy_coef mean_t[ H_t ]",
        "r_t = pi_new(x_t) / pi_old(x_t),   R_t = A_t + V_t",
        "A_t = delta_t + gamma lambda A_{t+1},   delta_t = reward_t + gamma V_{t+1} - V_t    (action tokens only)",
        "dual_clip c, where A_t < 0:  the first line is at least c A_t",
    ),
    oracle="stable-baselines3's PPO.train: loss and every parameter's gradient; RolloutBuffer: GAE, bit by bit",
    config=PPOConfig,
    credit=gae_credit,
    loss=loss,
    normalizer=normalizer,
    critic=ValueLearning(clipped_value_loss, critic_pace),
)
