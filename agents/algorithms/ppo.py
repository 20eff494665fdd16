"""Proximal policy optimisation at token level, with a critic.

    maximise  E[ min(ratio A, clip(ratio, 1 - eps, 1 + eps) A) ] - value_coef E[(R - V)^2] + entropy_coef E[H]

where every expectation is the mean over trained tokens, `ratio` is new/old, and `A` is GAE over action tokens only.
Source: Schulman et al. 2017, "Proximal Policy Optimization Algorithms", equation 9.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.advantages.gae import discounts, token_gae
from agents.advantages.normalize import standardize
from agents.algorithms.base import Algorithm, Credit, Loss, LossInputs, policy_loss
from agents.algorithms.config import TrainConfig
from agents.losses import weights
from agents.losses.value import squared_value_error
from agents.trajectory import FloatArray, IntArray, TokenBatch


@dataclass(frozen=True, kw_only=True)
class PPOConfig(TrainConfig):
    """Settings of PPO."""

    n_epochs: int = 2
    """Passes over the collected episodes."""
    n_minibatches: int = 2
    """Optimiser steps per pass; each sees its share of the episodes."""
    token_gamma: float = 1.0
    """Discount per action token."""
    turn_gamma: float = 1.0
    """Discount per turn, charged once where a turn ends."""
    gae_lambda: float = 0.95
    """Lambda of generalised advantage estimation, per action token."""
    normalize_advantage: bool = True
    """Bring the advantages of the whole batch to mean 0 and variance 1."""
    value_coef: float = 0.5
    """Weight of the critic's squared error."""
    clip_range_value: float | None = None
    """How far a value may move from the one at collection; no clipping, if not given."""
    value_warmup_updates: int = 0
    """Updates at the start that train the critic's own weights only."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        for name in ("token_gamma", "turn_gamma", "gae_lambda"):
            self._require(0 <= getattr(self, name) <= 1, name, "must lie between 0 and 1")
        for name in ("value_coef", "value_warmup_updates"):
            self._require(getattr(self, name) >= 0, name, "must not be negative")
        clip = self.clip_range_value
        self._require(clip is None or clip > 0, "clip_range_value", "must be above 0, or left out")


def credit(batch: TokenBatch, config: PPOConfig) -> Credit:
    """Return GAE over action tokens; tokens of turns that could not be scored are not trained."""
    discount = discounts(batch.turn_end, config.token_gamma, config.turn_gamma)
    advantages, returns = token_gae(
        batch.rewards,
        batch.values,
        batch.bootstrap,
        batch.trajectory_index,
        discount,
        config.gae_lambda,
        scored=batch.turn_valid,
    )
    if config.normalize_advantage:
        advantages = standardize(advantages, batch.turn_valid)
    return Credit(advantages, returns, batch.turn_valid)


def loss(tokens: LossInputs, config: PPOConfig) -> Loss:
    """Return the clipped surrogate with entropy bonus and the critic's squared error."""
    total, terms = policy_loss(tokens, config)
    errors = squared_value_error(tokens.values, tokens.returns, tokens.old_values, config.clip_range_value)
    value = tokens.mean_weight * errors.sum()
    return Loss(total + config.value_coef * value, {**terms, "value_loss": value})


def normalizer(trajectory_index: IntArray, config: PPOConfig) -> FloatArray:
    """Return the mean over all trained tokens."""
    del config
    return weights.per_token(trajectory_index)


ALGORITHM = Algorithm(
    name="ppo",
    title="Proximal policy optimisation: clipped surrogate, critic, token-level GAE",
    paper="Schulman et al. 2017, https://arxiv.org/abs/1707.06347",
    config=PPOConfig,
    credit=credit,
    loss=loss,
    normalizer=normalizer,
    critic=True,
    critic_warmup=lambda config: config.value_warmup_updates,
)
