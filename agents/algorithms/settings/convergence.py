"""When the training is held against held-out items, and when it has learned what it will."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.algorithms.settings.record import Record


@dataclass(frozen=True, kw_only=True)
class Convergence(Record):
    """Evaluation in training, on the valid split: the best checkpoint is kept, and a flat return ends the run.

    Raises:
        ConfigError: if a value is out of range.
    """

    prefix: ClassVar[str] = "convergence."

    every: int = 0
    """Updates between two evaluations on the valid split; 0 for none."""
    episodes: int = 100
    """Held-out items of such an evaluation."""
    patience: int = 0
    """Evaluations in a row without a change beyond the interval that end the training; 0 trains to the end."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        self._require(self.every >= 0, "every", "must not be negative")
        self._require(self.episodes >= 2, "episodes", "must be at least 2: one item has no interval")
        self._require(self.patience >= 0, "patience", "must not be negative")
        self._require(self.patience == 0 or self.every > 0, "patience", "needs convergence.every above 0")
