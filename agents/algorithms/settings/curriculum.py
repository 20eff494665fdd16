"""Which items are played more often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.algorithms.settings.record import Record


@dataclass(frozen=True, kw_only=True)
class Curriculum(Record):
    """Items that the policy solves now and then are drawn more often than those it always or never solves.

    Raises:
        ConfigError: if a value is out of range.
    """

    prefix: ClassVar[str] = "curriculum."

    boost: float = 1.0
    """How many times likelier an item inside the band is drawn than one outside; 1 draws all alike."""
    low: float = 0.1
    """Lower end of the band of running success."""
    high: float = 0.9
    """Upper end of the band of running success."""
    pool: int = 1024
    """How many items come back again and again, where an environment makes its items without end."""
    momentum: float = 0.5
    """How far an item's running success moves to its latest group's."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        self._require(self.boost >= 1, "boost", "must be at least 1")
        self._require(
            0 <= self.low <= self.high <= 1, "low", f"must lie between 0 and high={self.high}, which is at most 1"
        )
        self._require(self.pool >= 1, "pool", "must be at least 1")
        self._require(0 < self.momentum <= 1, "momentum", "must lie between 0 and 1, 0 excluded")

    @property
    def active(self) -> bool:
        """Whether any item is drawn more often than another."""
        return self.boost > 1
