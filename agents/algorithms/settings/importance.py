"""The weight that corrects for what the sampler did differently from the trainer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from agents.algorithms.settings.record import Record

ImportanceLevel = Literal["token", "sequence"]


@dataclass(frozen=True, kw_only=True)
class Importance(Record):
    """The weight exp(old - behavior), truncated; apart from the clipped ratio new/old.

    Raises:
        ConfigError: if a value is out of range.
    """

    prefix: ClassVar[str] = "importance."

    cap: float | None = None
    """The largest weight; no correction for the sampler, if not given."""
    level: ImportanceLevel = "token"
    """Whether each token has a weight of its own, or all tokens of an episode their product."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        self._require(self.cap is None or self.cap > 0, "cap", "must be above 0, or left out")
