"""Does the environment repeat itself exactly, and leave alone what is not its own? Rules of the conformance kit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.doctor.finding import Finding, Verdict
from textenvs.checker import Examination, Status, select
from textenvs.checker import Finding as RuleFinding

CHECKS = {
    "repeats_itself": "the same episodes again",
    "processes_agree": "the same episodes in another process",
    "leaves_global_randomness": "the global random state is left alone",
}
"""The rules without which groups and evaluations would compare different items, and what they are called here."""


def check_world(env_id: str, env_kwargs: Mapping[str, Any], episodes: int) -> list[Finding]:
    """Play the same items again, among others, and in another process; look at the global generators.

    Args:
        env_id: of a registered environment.
        env_kwargs: its settings.
        episodes: how many items.
    """
    examination = Examination(env_id, env_kwargs, items=max(2, episodes))
    return [_as_finding(rule.examine(examination)) for rule in select(CHECKS)]


def _as_finding(found: RuleFinding) -> Finding:
    check = CHECKS[found.rule.name]
    if found.status is Status.BROKEN:
        return Finding(check, Verdict.FAULT, f"{found.count} times: {found.evidence[0]}", found.rule.remedy)
    if found.status is Status.SKIPPED:
        return Finding(check, Verdict.WARNING, found.evidence[0], "give every setting by name, so that it can travel")
    return Finding(check, Verdict.OK, "as it should be")
