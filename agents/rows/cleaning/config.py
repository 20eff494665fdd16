"""What cleaning sets aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textenvs.errors import ConfigError

Contradictions = Literal["all", "labels", "none"]


@dataclass(frozen=True, kw_only=True)
class CleaningConfig:
    """What cleaning sets aside, beside malformed rows and exact duplicates.

    Raises:
        ConfigError: if a value is out of range.
    """

    near_duplicates: float = 0.9
    """Jaccard similarity of character 5-grams from which the later of two rows is a near-duplicate; 1 turns it off."""
    contradictions: Contradictions = "all"
    """Which of the rows that contradict each other go, unless more than half agree with one: those that answer one
    prompt differently or label one answer differently (all), the latter alone (labels), or none."""
    languages: tuple[str, ...] = ()
    """ISO 639-1 codes of the languages that stay, such as zh en; every language does, if not given."""
    shortest_answer: int = 1
    """Characters that an answer has at least, white space at its ends apart."""
    longest_answer: int | None = None
    """Characters that an answer has at most."""
    longest_row: int | None = None
    """Characters that all messages of a row have at most."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not 0 < self.near_duplicates <= 1:
            raise ConfigError(f"near_duplicates={self.near_duplicates!r}: must lie above 0 and be at most 1")
        if self.shortest_answer < 0:
            raise ConfigError(f"shortest_answer={self.shortest_answer!r}: must not be negative")
        for name in ("longest_answer", "longest_row"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name}={value!r}: must be at least 1, or left out")
