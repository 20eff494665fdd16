"""What the algorithms with a critic share: its settings, GAE and its loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from agents.advantages.gae import Advantages, discounts, lambdas, token_gae, turn_gae
from agents.advantages.group import leave_one_out
from agents.advantages.normalize import standardize_within
from agents.advantages.returns import episode_returns
from agents.algorithms.base import Credit, CriticInputs, CriticPace, Loss
from agents.algorithms.config import TrainConfig
from agents.losses.value import squared_value_error
from agents.trajectory import TokenBatch

CreditLevel = Literal["token", "turn", "nested"]

_UNREAD: Mapping[CreditLevel, tuple[str, ...]] = {
    "token": ("turn_lambda",),
    "turn": ("token_gamma", "gae_lambda"),
    "nested": (),
}
"""The settings that play no part at a level."""


@dataclass(frozen=True, kw_only=True)
class ActorCriticConfig(TrainConfig):
    """Settings of generalised advantage estimation and of the critic."""

    credit_level: CreditLevel = "token"
    """What GAE takes for one action: a token, a whole turn, or tokens within turns (nested)."""
    token_gamma: float = 1.0
    """Discount per action token; whole turns (credit_level=turn) have none."""
    turn_gamma: float = 1.0
    """Discount per turn, charged once where a turn ends."""
    gae_lambda: float = 0.95
    """Lambda per action token; whole turns (credit_level=turn) have none."""
    turn_lambda: float = 0.95
    """Lambda from turn to turn, of credit_level=turn and nested."""
    group_baseline: bool = False
    """Count each return from the mean of the others on its item; the critic then learns the rest. Needs a group_size
    of 2 or more, and helps where items differ in difficulty by more than a critic can see."""
    normalize_advantage: bool = True
    """Bring the advantages of the whole batch to mean 0 and variance 1; of a mixture, each task's by itself."""
    value_coef: float = 0.5
    """Weight of the critic's squared error."""
    critic_lr_scale: float = 1.0
    """Learning rate of the critic's own weights, in multiples of everyone else's."""
    value_warmup_updates: int = 0
    """Updates at the start that train the critic's own weights only."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        for name in ("token_gamma", "turn_gamma", "gae_lambda", "turn_lambda"):
            self._require(0 <= getattr(self, name) <= 1, name, "must lie between 0 and 1")
        for name in ("value_coef", "value_warmup_updates"):
            self._require(getattr(self, name) >= 0, name, "must not be negative")
        self._require(self.critic_lr_scale > 0, "critic_lr_scale", "must be above 0")
        alone = self.group_baseline and self.group_size == 1
        self._require(not alone, "group_baseline", "needs a group_size of 2 or more")
        self._require_default(_UNREAD[self.credit_level], f"is not read with credit_level={self.credit_level!r}")


def critic_pace(config: ActorCriticConfig) -> CriticPace:
    """Return how fast the critic learns beside the policy."""
    return CriticPace(config.value_warmup_updates, config.critic_lr_scale)


def gae_credit(batch: TokenBatch, config: ActorCriticConfig) -> Credit:
    """Return GAE of the configured level; tokens of turns that could not be scored are not trained."""
    if config.group_baseline:
        batch = against_group(batch)
    advantages, returns = _turns(batch, config) if config.credit_level == "turn" else _tokens(batch, config)
    if config.normalize_advantage:
        advantages = standardize_within(advantages, batch.turn_valid, batch.task_index)
    return Credit(advantages, returns, batch.turn_valid)


def against_group(batch: TokenBatch) -> TokenBatch:
    """Return `batch` with the mean return of the others on its item taken off every episode, at its end.

    What is taken off depends on the others alone, so the policy's gradient has the same mean and, where items differ in
    difficulty, less variance. A critic fitted to these rewards says how much better than the others an episode goes.
    One that was truncated has nothing taken off: that is in the value that it is continued with. One that is alone is
    compared with itself.

    Source: Kool et al. 2019, "Buy 4 REINFORCE Samples, Get a Baseline for Free!".
    """
    episodes = batch.trajectories
    returns = episode_returns(batch.rewards, batch.trajectory_index, len(episodes))
    relative = leave_one_out(returns, batch.group_ids, batch.episode_valid)
    ended = batch.episode_valid & ~np.array([episode.truncated for episode in episodes], dtype=np.bool_)
    change = np.where(ended, relative - returns, 0.0)
    last = np.flatnonzero(np.diff(batch.trajectory_index, append=-1))
    rewards = batch.rewards.copy()
    rewards[last] += change[batch.trajectory_index[last]]
    return replace(batch, rewards=rewards)


def value_loss(tokens: CriticInputs, config: ActorCriticConfig, clip_range: float | None = None) -> Loss:
    """Return the critic's mean squared error, weighted; `clip_range` bounds how far a value may move."""
    errors = squared_value_error(tokens.values, tokens.returns, tokens.old_values, clip_range)
    value = tokens.mean_weight * errors.sum()
    return Loss(config.value_coef * value, {"value_loss": value})


def with_critic(policy: Loss, critic: Loss) -> Loss:
    """Return the loss of a policy and a critic that move together."""
    return Loss(policy.total + critic.total, {**policy.terms, **critic.terms})


def _tokens(batch: TokenBatch, config: ActorCriticConfig) -> Advantages:
    turn_lambda = config.turn_lambda if config.credit_level == "nested" else config.gae_lambda
    return token_gae(
        batch.rewards,
        batch.values,
        batch.bootstrap,
        batch.trajectory_index,
        discounts(batch.turn_end, config.token_gamma, config.turn_gamma),
        lambdas(batch.turn_end, config.gae_lambda, turn_lambda),
        scored=batch.turn_valid,
    )


def _turns(batch: TokenBatch, config: ActorCriticConfig) -> Advantages:
    return turn_gae(
        batch.rewards,
        batch.values,
        batch.bootstrap,
        batch.trajectory_index,
        batch.turn_end,
        config.turn_gamma,
        config.turn_lambda,
        scored=batch.turn_valid,
    )
