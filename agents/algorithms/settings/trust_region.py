"""How far a natural-gradient step may go, and how hard it is sought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.algorithms.settings.record import Record


@dataclass(frozen=True, kw_only=True)
class TrustRegion(Record):
    """The region that a natural-gradient step stays in, and the search for the step.

    Raises:
        ConfigError: if a value is out of range.
    """

    prefix: ClassVar[str] = "trust_region."

    max_kl: float = 0.01
    """The most that the new policy may diverge from the old one, KL(new || old), in nats per token."""
    cg_steps: int = 10
    """Steps of conjugate gradient towards the direction; each is a pass over the episodes that give the curvature."""
    cg_damping: float = 0.1
    """Is added to the Fisher matrix's diagonal: steadier, and shorter steps."""
    fisher_every: int = 1
    """The curvature is measured on every n-th episode, which is n times faster; gradient and bound are those of all."""
    line_search_steps: int = 10
    """Lengths that are tried, from the longest that the quadratic model allows."""
    line_search_shrink: float = 0.8
    """What a refused length is multiplied by."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        self._require(self.max_kl > 0, "max_kl", "must be above 0")
        self._require(self.cg_steps >= 1, "cg_steps", "must be at least 1")
        self._require(self.cg_damping >= 0, "cg_damping", "must not be negative")
        self._require(self.fisher_every >= 1, "fisher_every", "must be at least 1")
        self._require(self.line_search_steps >= 1, "line_search_steps", "must be at least 1")
        self._require(0 < self.line_search_shrink < 1, "line_search_shrink", "must lie between 0 and 1, both excluded")
