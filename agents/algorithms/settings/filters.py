"""Which episodes and turns are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.algorithms.settings.record import Record


@dataclass(frozen=True, kw_only=True)
class Filters(Record):
    """What is not trained on; how much that was is counted in the metrics.

    Source of both: Yu et al. 2025, "DAPO", sections 3.2 (dynamic sampling) and 3.4 (overlong filtering).

    Raises:
        ConfigError: if a value is out of range.
    """

    prefix: ClassVar[str] = "filters."

    mask_overlong: bool = False
    """Leave turns that the token limit cut out of the loss."""
    resample_rounds: int = 0
    """Rounds in which groups whose returns are all equal are replaced by groups on other items; 0 keeps them."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        self._require(self.resample_rounds >= 0, "resample_rounds", "must not be negative")
