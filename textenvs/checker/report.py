"""Report: what an examination found, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass

from textenvs.checker.rule import Finding, Status
from textenvs.errors import ConformanceError


@dataclass(frozen=True, slots=True)
class Report:
    """What an examination found.

    Attributes:
        name: of the environment.
        findings: one for each rule, in order.
        seconds: that it took.
    """

    name: str
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no rule is broken."""
        return not self.broken

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The findings of rules that are broken."""
        return tuple(finding for finding in self.findings if finding.status is Status.BROKEN)

    def require(self) -> None:
        """Raise if a rule is broken.

        Raises:
            ConformanceError: with rule, evidence and remedy of every one.
        """
        if self.broken:
            raise ConformanceError(f"{self.name} breaks {len(self.broken)} rules\n" + "\n".join(map(say, self.broken)))

    def as_dict(self) -> dict[str, object]:
        """Return the report for JSON."""
        findings = [finding.as_dict() for finding in self.findings]
        return {"name": self.name, "passed": self.passed, "seconds": round(self.seconds, 3), "findings": findings}


def say(finding: Finding) -> str:
    """Return a finding as text: rule, sentence, evidence, remedy."""
    more = finding.count - len(finding.evidence)
    lines = [f"{finding.rule.name}: {finding.rule.sentence}", *(f"  found: {line}" for line in finding.evidence)]
    lines += [f"  and {more} more"] * (more > 0)
    return "\n".join([*lines, f"  remedy: {finding.rule.remedy}"])
