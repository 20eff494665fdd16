"""Health: named warnings with a remedy, from the metrics of the updates so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agents.trainer.health_rules import RULES, Row, Rule, Window

SPAN = 5
"""Updates in each stretch that the rules compare."""
_NAMES = frozenset(
    {
        "success",
        "episode_return",
        "flat_groups",
        "entropy",
        "distinct_answers",
        "distinct_2",
        "response_tokens",
        "kl",
        "sampler_gap",
        "epsilon",
        "explained_variance",
        "invalid_action_rate",
        "flagged",
    }
)


@dataclass(frozen=True)
class HealthEvent:
    """A warning that is raised or cleared.

    Attributes:
        update: at which.
        warning: its name.
        raised: or cleared.
        message: what is wrong, or was.
        remedy: what helps; empty when it is cleared.
    """

    update: int
    warning: str
    raised: bool
    message: str
    remedy: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the fields for a line of ``health.jsonl``."""
        return asdict(self)


class HealthMonitor:
    """Watches a run.

    Args:
        rules: what to look for.
        span: updates in each stretch that the rules compare.

    Attributes:
        active: names of the warnings in force.
        events: what the latest update raised and cleared.
    """

    def __init__(self, rules: Sequence[Rule] = RULES, span: int = SPAN) -> None:
        self.rules = rules
        self.span = span
        self.active: list[str] = []
        self.events: list[HealthEvent] = []
        self._start: list[Row] = []
        self._recent: list[Row] = []

    def observe(self, update: int, metrics: Mapping[str, float]) -> None:
        """Look at the metrics of an update; `events` says what has changed."""
        row = {name: value for name, value in metrics.items() if math.isfinite(value) and _is_watched(name)}
        if len(self._start) < self.span:
            self._start.append(row)
        self._recent = [*self._recent, row][-2 * self.span :]
        known = len(self._recent) == 2 * self.span
        self.events = self._judge(update) if known else []

    def _judge(self, update: int) -> list[HealthEvent]:
        window = Window(self._start, self._recent[: self.span], self._recent[self.span :])
        events: list[HealthEvent] = []
        for rule in self.rules:
            level = rule.level(window)
            message = rule.what.format(level=level)
            if rule.name not in self.active and level > rule.raised_above:
                events.append(HealthEvent(update, rule.name, True, message, rule.remedy))
                self.active.append(rule.name)
            elif rule.name in self.active and level < rule.cleared_below:
                events.append(HealthEvent(update, rule.name, False, message))
                self.active.remove(rule.name)
        return events

    def state(self) -> Mapping[str, Any]:
        """Return the stretches, the warnings in force and the latest events."""
        return {
            "start": [dict(row) for row in self._start],
            "recent": [dict(row) for row in self._recent],
            "active": list(self.active),
            "events": [event.as_dict() for event in self.events],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._start, self._recent = list(state["start"]), list(state["recent"])
        self.active = list(state["active"])
        self.events = [HealthEvent(**event) for event in state["events"]]


def _is_watched(name: str) -> bool:
    return name in _NAMES or name.startswith("reward/")
