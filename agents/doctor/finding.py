"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """Training works, and something about it should be known."""
    FAULT = "fault"
    """Training would compute something wrong."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: what was looked at, in a few words.
        verdict: how bad it is.
        figure: what was measured.
        remedy: what to do about it; empty where nothing needs doing.
    """

    check: str
    verdict: Verdict
    figure: str
    remedy: str = ""
