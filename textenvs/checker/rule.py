"""Rule: one promise that a text environment keeps, as a small function with a sentence and a remedy."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textenvs.errors import TextEnvsError

if TYPE_CHECKING:
    from textenvs.checker.examination import Examination

Check = Callable[["Examination"], Iterable[str]]
"""Looks at an environment and yields what it found wrong, one line each; nothing if the rule is kept."""

SHOWN = 3
"""Lines of evidence that a finding keeps."""

COUNTED = 1000
"""Lines of evidence after which a rule has seen enough."""


class NotOfferedError(TextEnvsError):
    """The environment does not offer what a rule looks at, so that the rule says nothing about it."""


class Status(enum.StrEnum):
    """What came of one rule."""

    KEPT = "kept"
    BROKEN = "broken"
    SKIPPED = "skipped"
    """The environment does not offer what the rule looks at; the evidence says what is missing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one rule.

    Attributes:
        rule: that was examined.
        status: what came of it.
        evidence: what is wrong, or missing; the first few lines.
        count: how often it is wrong.
    """

    rule: Rule
    status: Status
    evidence: tuple[str, ...] = ()
    count: int = 0

    def as_dict(self) -> dict[str, object]:
        """Return the finding for JSON."""
        names = {"rule": self.rule.name, "topic": self.rule.topic, "sentence": self.rule.sentence}
        outcome = {"status": self.status.value, "evidence": list(self.evidence), "count": self.count}
        return {**names, **outcome, "remedy": self.rule.remedy}


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise that a text environment keeps.

    Attributes:
        name: such as ``"history_only_grows"``.
        topic: the group that it belongs to, such as ``"turns"``.
        sentence: what has to hold.
        remedy: what to do where it does not.
        check: finds out.
    """

    name: str
    topic: str
    sentence: str
    remedy: str
    check: Check

    def examine(self, examination: Examination) -> Finding:
        """Find out whether the environment keeps the rule; what the environment raises is evidence."""
        try:
            lines = list(itertools.islice(self.check(examination), COUNTED))
        except NotOfferedError as error:
            return Finding(self, Status.SKIPPED, (str(error),))
        except Exception as error:
            lines = [f"raised {type(error).__name__}: {str(error)[:500]}"]
        return Finding(self, Status.BROKEN if lines else Status.KEPT, tuple(lines[:SHOWN]), len(lines))


def rule(remedy: str) -> Callable[[Check], Rule]:
    """Make a rule of a function: its name, its docstring as the sentence, its module as the topic.

    Args:
        remedy: what to do where the rule is broken.
    """

    def decorate(check: Check) -> Rule:
        name = check.__name__
        return Rule(name, check.__module__.rpartition(".")[2], check.__doc__ or name, remedy, check)

    return decorate
