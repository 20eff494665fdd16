"""How the rollouts explore, beside their temperature and the entropy bonus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.algorithms.settings.record import Record


@dataclass(frozen=True, kw_only=True)
class Exploration(Record):
    """What makes the rollouts try more than the policy alone would.

    Raises:
        ConfigError: if a value is out of range.
    """

    prefix: ClassVar[str] = "exploration."

    epsilon: float = 0.0
    """Probability of drawing a token uniformly from the policy's likeliest few; needs importance.cap."""
    epsilon_top_k: int = 20
    """How many of the likeliest tokens epsilon draws from."""
    final_temperature: float | None = None
    """Where the sampling temperature ends, along a line over the run; it stays, if not given."""
    entropy_target: float | None = None
    """Entropy in nats per token that entropy_coef is steered to; it stays fixed, if not given."""
    entropy_step: float = 0.001
    """How much a steered entropy_coef moves at every update."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        self._require(0 <= self.epsilon < 1, "epsilon", "must lie between 0 and 1, 1 excluded")
        self._require(self.epsilon_top_k >= 1, "epsilon_top_k", "must be at least 1")
        for name in ("final_temperature", "entropy_target"):
            value = getattr(self, name)
            self._require(value is None or value > 0, name, "must be above 0, or left out")
        self._require(self.entropy_step > 0, "entropy_step", "must be above 0")
