"""The divergence from the reference: charged to the rewards, and its coefficient steered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agents.trajectory import TokenBatch


def charge_rewards(batch: TokenBatch, coef: float) -> TokenBatch:
    """Return `batch` with ``coef * (log pi - log ref)``, k1, taken off the reward of every action token.

    Undiscounted, the policy gradient through these rewards is the gradient of the whole sequence's divergence.
    Source: Ziegler et al. 2019, "Fine-Tuning Language Models from Human Preferences", section 2.
    """
    if coef == 0:
        return batch
    return replace(batch, rewards=batch.rewards - coef * (batch.old_logprobs - batch.ref_logprobs))


@dataclass
class KLController:
    """The coefficient of the divergence, fixed or steered to a target.

    Source: Ziegler et al. 2019, section 2.2: with the proportional error `e = clip(KL / target - 1, -0.2, 0.2)`, the
    coefficient is multiplied by ``1 + e * episodes / horizon``.

    Attributes:
        coef: now in force.
        target: divergence in nats per token to steer to; None keeps the coefficient.
        horizon: in episodes; smaller is faster.
    """

    coef: float
    target: float | None
    horizon: int

    def observe(self, kl: float, episodes: int) -> None:
        """Move the coefficient after a batch of `episodes` with mean divergence `kl` per token; NaN moves nothing."""
        if self.target is not None and math.isfinite(kl):
            error = min(max(kl / self.target - 1, -0.2), 0.2)
            self.coef *= 1 + error * episodes / self.horizon

    def state(self) -> Mapping[str, Any]:
        """Return the coefficient."""
        return {"coef": self.coef}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set the coefficient."""
        self.coef = state["coef"]
