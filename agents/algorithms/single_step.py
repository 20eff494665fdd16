"""What the plain policy gradients share: one step per batch, on the likelihood-ratio estimator."""

from __future__ import annotations

from dataclasses import dataclass

from agents.algorithms.base import Loss, LossInputs, policy_loss
from agents.algorithms.config import TrainConfig
from agents.losses.policy_gradient import score_function
from agents.losses.surrogate import unclipped


@dataclass(frozen=True, kw_only=True)
class SingleStepConfig(TrainConfig):
    """Settings of an algorithm without a ratio new/old."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        for name in ("n_epochs", "n_minibatches"):
            rule = (
                "must be 1: without a ratio new/old, the second step on a batch has a biased gradient; use ppo or grpo"
            )
            self._require(getattr(self, name) == 1, name, rule)
        self._require(self.target_kl is None, "target_kl", "must be left out: one step on a batch has no drift")


def score_function_loss(tokens: LossInputs, config: SingleStepConfig) -> Loss:
    """Return ``-A log pi`` with entropy bonus and divergence; nothing is ever clipped."""
    loss = score_function(tokens.logprobs, tokens.advantages)
    return policy_loss(tokens, unclipped(loss, tokens.log_ratio), config)
