"""The guard: whether a candidate may take the place of the policy that serves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.evaluation.contrast import contrast
from agents.evaluation.results import EvaluationResult
from agents.evaluation.statistics import Interval
from textenvs.errors import ConfigError

Results = Mapping[str, EvaluationResult]
"""Evaluations of one policy, by the name of the suite."""


@dataclass(frozen=True, kw_only=True)
class GuardConfig:
    """What a candidate has to show, on every suite.

    Attributes:
        measure: what has to rise: success, return or ``"parts/NAME"``; its paired interval must lie above zero.
        guards: measures that must not fall.
        tolerance: by how much the estimate of one may be lower, as no estimate is exact; a fall that is certain, its
            interval clear of zero, stops the candidate however small it is.

    Raises:
        ConfigError: if the tolerance is negative.
    """

    measure: str = "success"
    guards: tuple[str, ...] = ("return",)
    tolerance: float = 0.02

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not self.tolerance >= 0:
            raise ConfigError(f"tolerance={self.tolerance!r}: must not be negative")


@dataclass(frozen=True, slots=True)
class Finding:
    """One measure on one suite.

    Attributes:
        suite: its name.
        measure: what was compared.
        guard: whether it only must not fall.
        serving: the mean of the policy that serves.
        candidate: the candidate's.
        difference: the candidate's minus the other, paired by item.
        objection: why the candidate cannot be promoted; ``""`` where this speaks not against it.
    """

    suite: str
    measure: str
    guard: bool
    serving: Interval
    candidate: Interval
    difference: Interval
    objection: str

    def as_dict(self) -> dict[str, Any]:
        """Return the finding for JSON."""
        intervals = {name: getattr(self, name).as_dict() for name in ("serving", "candidate", "difference")}
        return {
            "suite": self.suite,
            "measure": self.measure,
            "guard": self.guard,
            **intervals,
            "objection": self.objection,
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a candidate is promoted, and why.

    Attributes:
        findings: every measure on every suite.
    """

    findings: tuple[Finding, ...]

    @property
    def objections(self) -> tuple[str, ...]:
        """What speaks against the candidate."""
        return tuple(found.objection for found in self.findings if found.objection)

    @property
    def promoted(self) -> bool:
        """Whether nothing does."""
        return bool(self.findings) and not self.objections

    def as_dict(self) -> dict[str, Any]:
        """Return the decision for JSON."""
        return {"promoted": self.promoted, "findings": [found.as_dict() for found in self.findings]}


def decide(serving: Results, candidate: Results, config: GuardConfig) -> Decision:
    """Compare a candidate with the policy that serves, on the same items.

    Args:
        serving: evaluations of the policy that serves.
        candidate: the candidate's, of the same suites.
        config: what it has to show.

    Raises:
        ConfigError: if the suites or their items differ, or there is no such measure.
    """
    if not serving or serving.keys() != candidate.keys():
        raise ConfigError(
            f"the serving policy was evaluated on {sorted(serving)}, the candidate on {sorted(candidate)}"
        )
    findings: list[Finding] = []
    for suite, before in serving.items():
        for measure in dict.fromkeys((config.measure, *config.guards)):
            guard = measure != config.measure
            row = contrast(before, candidate[suite], measure)[0]
            fault = _fall(row.difference, config.tolerance) if guard else _lack(row.difference)
            objection = f"{measure} on {suite} {fault}" if fault else ""
            findings.append(Finding(suite, measure, guard, row.a, row.b, row.difference, objection))
    return Decision(tuple(findings))


def _lack(difference: Interval) -> str:
    """Return why a difference does not show an improvement, if so."""
    if math.isnan(difference.low):
        return "could not be measured"
    return "" if difference.low > 0 else f"did not surely rise: {_words(difference)}"


def _fall(difference: Interval, tolerance: float) -> str:
    """Return why a guard objects, if it does."""
    if math.isnan(difference.low):
        return "could not be measured"
    fell = difference.high < 0 or difference.estimate < -tolerance
    return f"fell: {_words(difference)}" if fell else ""


def _words(difference: Interval) -> str:
    return f"{difference.estimate:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"
