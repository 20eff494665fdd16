"""What the store holds, in figures: volume, rates by policy version, the latest corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from agents.feedback.events import IMPRESSIONS as IMPRESSION_RECORDS
from agents.feedback.events import Correction
from agents.feedback.refusals import Reason
from agents.feedback.schema import EVENTS, IMPRESSIONS, REFUSALS
from agents.feedback.store import Store

HOUR_S = 3600.0
HOURS = 48
"""Hours whose volume is shown."""
LATEST = 10
"""Corrections that are shown."""


@dataclass(frozen=True, slots=True)
class PolicyFigures:
    """What users did about one policy version.

    Attributes:
        policy_version: the version.
        impressions: that it made.
        answered: impressions with an event of each kind.
    """

    policy_version: str
    impressions: int
    answered: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LatestCorrection:
    """A correction with what was corrected.

    Attributes:
        received_at: when it arrived, in seconds since 1970.
        policy_version: what wrote the answer.
        said: the answer.
        corrected: what it should have been.
    """

    received_at: float
    policy_version: str
    said: str
    corrected: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures about a store.

    Attributes:
        impressions: how many there are.
        events: how many of each kind.
        refused: how much was refused, by reason.
        policies: one entry per version, by name.
        volume: (hour, events) for each hour with events among the latest; an hour is its number since 1970.
        corrections: the latest, newest first.
    """

    impressions: int
    events: Mapping[str, int]
    refused: Mapping[str, int]
    policies: tuple[PolicyFigures, ...]
    volume: tuple[tuple[int, int], ...]
    corrections: tuple[LatestCorrection, ...]


def statistics(store: Store, pending: Mapping[Reason, int] | None = None) -> Statistics:
    """Compute the figures.

    Args:
        store: to ask.
        pending: refusals that are not yet counted in the store.

    Raises:
        StoreUnavailableError: if it cannot be read.
    """
    with store.database.transaction(writes=False) as connection:
        shown, answered = _by_policy(connection)
        refused = {row.reason: int(row.n) for row in connection.execute(sa.select(REFUSALS))}
        for reason, n in (pending or {}).items():
            refused[str(reason)] = refused.get(str(reason), 0) + n
        return Statistics(
            sum(shown.values()),
            _by_kind(connection),
            dict(sorted(refused.items())),
            tuple(PolicyFigures(version, n, answered.get(version, {})) for version, n in sorted(shown.items())),
            _volume(connection),
            _corrections(connection),
        )


def _by_policy(connection: sa.Connection) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    made, done = IMPRESSIONS.c.policy_version, EVENTS.c
    shown = {row[0]: row[1] for row in connection.execute(sa.select(made, sa.func.count()).group_by(made))}
    distinct = sa.func.count(sa.distinct(done.impression_id))
    answered: dict[str, dict[str, int]] = {}
    for version, kind, n in connection.execute(
        sa.select(done.policy_version, done.kind, distinct).group_by(done.policy_version, done.kind)
    ):
        answered.setdefault(version, {})[kind] = n
    return shown, answered


def _by_kind(connection: sa.Connection) -> dict[str, int]:
    kind = EVENTS.c.kind
    rows = connection.execute(sa.select(kind, sa.func.count()).group_by(kind).order_by(kind))
    return {row[0]: row[1] for row in rows}


def _volume(connection: sa.Connection) -> tuple[tuple[int, int], ...]:
    hour = sa.cast(sa.func.floor(EVENTS.c.received_at / HOUR_S), sa.Integer)
    latest = connection.scalar(sa.select(sa.func.max(EVENTS.c.received_at)))
    if latest is None:
        return ()
    since = (latest // HOUR_S - HOURS + 1) * HOUR_S
    query = sa.select(hour, sa.func.count()).where(EVENTS.c.received_at >= since).group_by(hour).order_by(hour)
    return tuple((row[0], row[1]) for row in connection.execute(query))


def _corrections(connection: sa.Connection) -> tuple[LatestCorrection, ...]:
    done, shown = EVENTS.c, IMPRESSIONS.c
    query = (
        sa.select(done.received_at, done.policy_version, done.body, shown.body.label("impression"))
        .join_from(EVENTS, IMPRESSIONS, done.impression_id == shown.id)
        .where(done.kind == "correction")
        .order_by(done.seq.desc())
        .limit(LATEST)
    )
    return tuple(_correction(row) for row in connection.execute(query))


def _correction(row: sa.Row[*tuple[Any, ...]]) -> LatestCorrection:
    correction = Correction.model_validate_json(row.body)
    said = IMPRESSION_RECORDS.validate_json(row.impression).candidates[correction.position].text
    return LatestCorrection(row.received_at, row.policy_version, said, correction.text)
