"""Which records are let into the store: rules about what it already holds and what time it is."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from agents.feedback.events import Event, Impression
from agents.feedback.refusals import Reason, Refusal

DAY_S = 86_400.0


class Outcome(enum.StrEnum):
    """What became of a record that was not refused."""

    STORED = "stored"
    """It was appended."""
    DUPLICATE = "duplicate"
    """The very same record is there already; sending it again changed nothing."""


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """How far the sender's clock may differ from the store's.

    Attributes:
        ahead_s: seconds that a record may lie in the future, and that an event may precede its impression.
        max_age_s: seconds that a record may be old.
    """

    ahead_s: float = 300.0
    max_age_s: float = 30 * DAY_S


@dataclass(frozen=True, slots=True)
class Shown:
    """What the rules need to know about an impression.

    Attributes:
        time: when it was made.
        candidates: how many it showed.
        policy_version: what wrote them.
    """

    time: float
    candidates: int
    policy_version: str


def admit(
    record: Impression | Event,
    body: str,
    *,
    bodies: Mapping[str, str],
    shown: Mapping[str, Shown],
    now: float,
    limits: ClockLimits,
) -> Outcome | Refusal:
    """Decide about one record.

    Args:
        record: to be appended.
        body: the record as JSON.
        bodies: of what the store holds under the same id and table, if anything.
        shown: the impressions that the store holds, as far as they matter here.
        now: seconds since 1970, by the store's clock.
        limits: of the sender's clock.
    """
    if record.id in bodies:
        if bodies[record.id] == body:
            return Outcome.DUPLICATE
        return Refusal(Reason.CONFLICT, f"id: another record is stored as {record.id!r}")
    fault = _untimely(record, now, limits)
    if fault is None and not isinstance(record, Impression):
        fault = _misplaced(record, shown.get(record.impression_id), limits)
    return fault or Outcome.STORED


def _untimely(record: Impression | Event, now: float, limits: ClockLimits) -> Refusal | None:
    age = now - record.time
    if age < -limits.ahead_s:
        return Refusal(Reason.CLOCK_SKEW, f"time: lies {-age:.0f} s in the future; at most {limits.ahead_s:.0f} s may")
    if age > limits.max_age_s:
        days, most = age / DAY_S, limits.max_age_s / DAY_S
        return Refusal(Reason.CLOCK_SKEW, f"time: {days:.1f} days old; at most {most:.1f} days are taken")
    return None


def _misplaced(event: Event, shown: Shown | None, limits: ClockLimits) -> Refusal | None:
    if shown is None:
        return Refusal(Reason.UNKNOWN_IMPRESSION, f"impression_id: {event.impression_id!r} is not in the store")
    beyond = [position for position in event.positions if position >= shown.candidates]
    if beyond:
        detail = f"{'order' if event.kind == 'ranking' else 'position'}: {beyond[0]}, but the impression showed"
        return Refusal(Reason.UNKNOWN_POSITION, f"{detail} {shown.candidates} (positions start at 0)")
    if event.time < shown.time - limits.ahead_s:
        early = shown.time - event.time
        return Refusal(Reason.CLOCK_SKEW, f"time: {early:.0f} s before the impression that the event belongs to")
    return None
