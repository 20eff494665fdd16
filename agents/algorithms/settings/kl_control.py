"""How the weight of the divergence from the reference is steered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.algorithms.settings.record import Record


@dataclass(frozen=True, kw_only=True)
class KLControl(Record):
    """The steering of `kl_coef`; without a target it stays fixed.

    Raises:
        ConfigError: if a value is out of range.
    """

    prefix: ClassVar[str] = "kl_control."

    target: float | None = None
    """Divergence from the reference, in nats per token, that kl_coef is steered to; it stays fixed, if not given."""
    horizon: int = 10_000
    """Episodes in which a steered kl_coef changes by a fifth of itself at most."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        self._require(self.target is None or self.target > 0, "target", "must be above 0, or left out")
        self._require(self.horizon >= 1, "horizon", "must be at least 1")
