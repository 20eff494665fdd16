"""What the algorithms share that take the return itself for their advantage: no critic, no group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.advantages.gae import discounts
from agents.advantages.normalize import standardize_within
from agents.advantages.returns import returns_to_go
from agents.algorithms.base import Credit
from agents.algorithms.config import TrainConfig
from agents.trajectory import TokenBatch


@dataclass(frozen=True, kw_only=True)
class MonteCarloConfig(TrainConfig):
    """Settings of the return to go."""

    token_gamma: float = 1.0
    """Discount per action token."""
    turn_gamma: float = 1.0
    """Discount per turn, charged once where a turn ends."""
    normalize_advantage: bool = True
    """Bring the returns of the whole batch to mean 0 (the baseline) and variance 1; of a mixture, each task's apart."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        for name in ("token_gamma", "turn_gamma"):
            self._require(0 <= getattr(self, name) <= 1, name, "must lie between 0 and 1")


def return_credit(batch: TokenBatch, config: MonteCarloConfig) -> Credit:
    """Return every token's return to go.

    An episode with a turn that could not be scored is not trained: what came before that turn has no known return.
    """
    discount = discounts(batch.turn_end, config.token_gamma, config.turn_gamma)
    advantages = returns_to_go(batch.rewards, batch.trajectory_index, discount)
    mask = batch.episode_valid[batch.trajectory_index]
    if config.normalize_advantage:
        advantages = standardize_within(advantages, mask, batch.task_index)
    return Credit(advantages, np.full_like(batch.rewards, np.nan), mask)
