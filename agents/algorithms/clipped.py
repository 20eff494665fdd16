"""What the algorithms with a clipped ratio share: PPO's surrogate and its settings."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from agents.algorithms.base import Loss, LossInputs, policy_loss
from agents.algorithms.config import TrainConfig
from agents.losses.surrogate import clipped_surrogate


@dataclass(frozen=True, kw_only=True)
class ClippedConfig(TrainConfig):
    """Settings of the clipped surrogate."""

    clip_range: float = 0.2
    """How far the ratio new/old may fall below 1 (and rise above, see clip_range_high) and still be paid for."""
    clip_range_high: float | None = None
    """How far the ratio may rise above 1; clip_range, if not given."""
    dual_clip: float | None = None
    """Bounds what one token with a negative advantage can cost, at this many times the advantage; usually 3."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        self._require(self.clip_range >= 0, "clip_range", "must not be negative")
        high = self.clip_range_high
        self._require(high is None or high > 0, "clip_range_high", "must be above 0, or left out")
        above = self.dual_clip is None or self.dual_clip > 1 + self.clip_high
        self._require(above, "dual_clip", f"must be above 1 + clip_range_high = {1 + self.clip_high:g}, or left out")

    @property
    def clip_high(self) -> float:
        """The upper clip range in force."""
        return self.clip_range if self.clip_range_high is None else self.clip_range_high


def clipped_loss(tokens: LossInputs, config: ClippedConfig, log_ratio: Tensor | None = None) -> Loss:
    """Return the clipped surrogate with entropy bonus and divergence.

    Args:
        tokens: of the micro-batch.
        config: gives the bounds.
        log_ratio: [n] what is clipped, and weighs the divergence; the tokens' own ratio, if not given.
    """
    judged = tokens.log_ratio if log_ratio is None else log_ratio
    surrogate = clipped_surrogate(judged, tokens.advantages, config.clip_range, config.clip_high, config.dual_clip)
    return policy_loss(tokens, surrogate, config)
