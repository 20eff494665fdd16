"""The store of feedback: append-only, idempotent, and durable before it acknowledges."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy import exc

from agents.feedback.admission import ClockLimits, Outcome, Shown, admit
from agents.feedback.database import Database
from agents.feedback.events import EVENTS as EVENT_RECORDS
from agents.feedback.events import IMPRESSIONS as IMPRESSION_RECORDS
from agents.feedback.events import Event, Impression
from agents.feedback.refusals import Reason, Refusal
from agents.feedback.schema import EVENTS, IMPRESSIONS, REFUSALS, migrate
from textenvs.errors import ConfigError

CHUNK = 1000
"""Rows that are fetched at a time."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Stored(Generic[R]):
    """A record as it lies in the store.

    Attributes:
        seq: its number; what is appended later has a higher one, whatever its kind.
        received_at: when it was appended, in seconds since 1970, by the store's clock.
        record: the impression or event.
    """

    seq: int
    received_at: float
    record: R


@dataclass(frozen=True, slots=True)
class Interaction:
    """An impression and everything that users did about it, in the order of arrival."""

    impression: Impression
    events: tuple[Event, ...]


class Store:
    """Impressions and events, in an SQLite file or in PostgreSQL.

    Several processes may use one store at a time. What `append` returned is on disk.

    Args:
        where: the path of an SQLite file, which is made if it is not there, or ``postgresql://USER@HOST/NAME``.
        limits: how far senders' clocks may differ; offline imports of old logs widen them.
        clock: tells the time, in seconds since 1970.

    Raises:
        ConfigError: if it can be no store, or a newer program wrote it.
        StoreUnavailableError: if the database cannot be reached.
    """

    def __init__(
        self, where: str | Path, *, limits: ClockLimits | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.database = Database(where)
        self._limits = limits or ClockLimits()
        self._clock = clock
        try:
            with self.database.transaction(writes=True) as connection:
                migrate(connection)
        except exc.DatabaseError as error:
            raise ConfigError(f"{self.database.name} is no database that can hold feedback: {error.orig}") from None
        finally:
            # What failed leaves no connection behind, and children that fork off later share none.
            self.database.close()

    def append(self, records: Sequence[Impression | Event]) -> list[Outcome | Refusal]:
        """Append records in one transaction, and say what became of each.

        An event may follow its impression in the same call. Refusals are counted in the store.

        Args:
            records: at most some thousand.

        Raises:
            StoreUnavailableError: if the database is away, full or busy; then none of them was appended.
        """
        with self.database.transaction(writes=True) as connection:
            batch = _Batch.against(connection, records, self._clock())
            outcomes = [batch.take(record, self._limits) for record in records]
            batch.write(connection)
            _count(connection, _reasons(outcomes))
        return outcomes

    def count_refusals(self, counts: Mapping[Reason, int]) -> None:
        """Add to the counts of what was refused before it was a record.

        Raises:
            StoreUnavailableError: if the database is away, full or busy.
        """
        with self.database.transaction(writes=True) as connection:
            _count(connection, counts)

    def impressions(self, since: int = 0) -> Iterator[Stored[Impression]]:
        """Yield the impressions with a number above `since`, in order."""
        return self._read(IMPRESSIONS, IMPRESSION_RECORDS, since)

    def events(self, since: int = 0) -> Iterator[Stored[Event]]:
        """Yield the events with a number above `since`, in order."""
        return self._read(EVENTS, EVENT_RECORDS, since)

    def interactions(self, since: int = 0, *, prefix: str = "") -> Iterator[Interaction]:
        """Yield every impression that is new since then or has a new event, with all of its events.

        Args:
            since: a number, such as `last_seq` returned; 0 asks for everything.
            prefix: what the ids of the impressions begin with.
        """
        shown, done = IMPRESSIONS.c, EVENTS.c
        query = (
            sa.select(shown.seq, shown.body, done.body.label("event"))
            .select_from(IMPRESSIONS.outerjoin(EVENTS, done.impression_id == shown.id))
            .order_by(shown.seq, done.seq)
        )
        if since:
            answered = sa.select(done.impression_id).where(done.seq > since)
            query = query.where((shown.seq > since) | shown.id.in_(answered))
        if prefix:
            query = query.where(shown.id.startswith(prefix, autoescape=True))
        for _, rows in groupby(self._stream(query), lambda row: row.seq):
            found = list(rows)
            events = tuple(EVENT_RECORDS.validate_json(row.event) for row in found if row.event is not None)
            yield Interaction(IMPRESSION_RECORDS.validate_json(found[0].body), events)

    def last_seq(self) -> int:
        """Return the highest number that was given; 0 if the store is empty."""
        with self.database.transaction(writes=False) as connection:
            return _last_seq(connection)

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    def _read(self, table: sa.Table, adapter: TypeAdapter[R], since: int) -> Iterator[Stored[R]]:
        query = sa.select(table.c.seq, table.c.received_at, table.c.body).where(table.c.seq > since)
        for row in self._stream(query.order_by(table.c.seq)):
            yield Stored(row.seq, row.received_at, adapter.validate_json(row.body))

    def _stream(self, query: sa.Select[*tuple[Any, ...]]) -> Iterator[sa.Row[*tuple[Any, ...]]]:
        with self.database.transaction(writes=False) as connection:
            yield from connection.execution_options(yield_per=CHUNK).execute(query)


@dataclass
class _Batch:
    """Records on their way in: what the store knows about them, and the rows that they become."""

    now: float
    seq: int
    bodies: Mapping[sa.Table, dict[str, str]]
    shown: dict[str, Shown]
    rows: Mapping[sa.Table, list[dict[str, Any]]] = field(default_factory=lambda: {IMPRESSIONS: [], EVENTS: []})

    @classmethod
    def against(cls, connection: sa.Connection, records: Sequence[Impression | Event], now: float) -> _Batch:
        """Look up what the store holds that matters to these records."""
        named = {IMPRESSIONS: set[str](), EVENTS: set[str]()}
        for record in records:
            named[_table(record)].add(record.id)
        bodies = {
            table: {row.id: row.body for row in connection.execute(_named(table, "body", ids))}
            for table, ids in named.items()
        }
        needed = {record.impression_id for record in records if not isinstance(record, Impression)}
        found = connection.execute(_named(IMPRESSIONS, "time candidates policy_version", needed))
        shown = {row.id: Shown(row.time, row.candidates, row.policy_version) for row in found}
        return cls(now, _last_seq(connection), bodies, shown)

    def take(self, record: Impression | Event, limits: ClockLimits) -> Outcome | Refusal:
        """Decide about a record, and keep it if it is to be stored."""
        table, body = _table(record), record.model_dump_json()
        known = self.bodies[table]
        outcome = admit(record, body, bodies=known, shown=self.shown, now=self.now, limits=limits)
        if outcome is Outcome.STORED:
            self.seq += 1
            known[record.id] = body
            self.rows[table].append(
                {"seq": self.seq, "id": record.id, "received_at": self.now, "time": record.time, "body": body}
                | self._columns(record)
            )
        return outcome

    def write(self, connection: sa.Connection) -> None:
        """Insert what was kept."""
        for table, rows in self.rows.items():
            if rows:
                connection.execute(table.insert(), rows)

    def _columns(self, record: Impression | Event) -> dict[str, Any]:
        if isinstance(record, Impression):
            shown = Shown(record.time, len(record.candidates), record.policy_version)
            self.shown[record.id] = shown
            return {"policy_version": shown.policy_version, "candidates": shown.candidates}
        version = self.shown[record.impression_id].policy_version
        return {"impression_id": record.impression_id, "policy_version": version, "kind": record.kind}


def _table(record: Impression | Event) -> sa.Table:
    return IMPRESSIONS if isinstance(record, Impression) else EVENTS


def _named(table: sa.Table, columns: str, ids: set[str]) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(table.c.id, *(table.c[name] for name in columns.split())).where(table.c.id.in_(ids))


def _last_seq(connection: sa.Connection) -> int:
    return max(connection.scalar(sa.select(sa.func.max(table.c.seq))) or 0 for table in (IMPRESSIONS, EVENTS))


def _reasons(outcomes: Sequence[Outcome | Refusal]) -> dict[Reason, int]:
    counts: dict[Reason, int] = {}
    for outcome in outcomes:
        if isinstance(outcome, Refusal):
            counts[outcome.reason] = counts.get(outcome.reason, 0) + 1
    return counts


def _count(connection: sa.Connection, counts: Mapping[Reason, int]) -> None:
    """Add to the counts; writers take turns, so that reading first loses none."""
    for reason, n in counts.items():
        mine = REFUSALS.c.reason == str(reason)
        if connection.execute(REFUSALS.update().where(mine).values(n=REFUSALS.c.n + n)).rowcount == 0:
            connection.execute(REFUSALS.insert().values(reason=str(reason), n=n))
