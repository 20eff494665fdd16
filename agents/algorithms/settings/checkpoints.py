"""When a run is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.algorithms.settings.record import Record


@dataclass(frozen=True, kw_only=True)
class Checkpoints(Record):
    """The checkpoints in the run folder, beside the one that Ctrl-C leaves.

    Raises:
        ConfigError: if a value is out of range.
    """

    prefix: ClassVar[str] = "checkpoints."

    every: int = 20
    """Updates between them; 0 for none."""
    inside: bool = False
    """Save inside these updates too: after the rollout and after every step."""
    keep: int = 2
    """How many of the newest are kept; a damaged one leaves the one before it to go on from."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        self._require(self.every >= 0, "every", "must not be negative")
        self._require(self.keep >= 1, "keep", "must be at least 1")
