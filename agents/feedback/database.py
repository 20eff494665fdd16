"""A connection to the database behind the store: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from textenvs.errors import ConfigError, StoreUnavailableError

PATIENCE_S = 5
"""How long a statement waits for another writer, or a connection for its server."""
_WRITES = "textenvs_writes"
_WRITERS = 0x7E87E175  # the advisory lock of PostgreSQL that writers of the store take

_FAULTS = (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError)
"""Nothing is wrong with the statement: the database is away, full, or busy for too long."""


class Database:
    """A pool of connections, with transactions that say whether they write.

    Writers take turns, on PostgreSQL too: numbers that are given inside such a transaction become visible in their
    order, so that whoever reads on from the last one seen misses nothing.

    Args:
        where: the path of an SQLite file, or a URL ``sqlite:///...`` or ``postgresql://...``.

    Raises:
        ConfigError: if it is neither, or the folder of the file does not exist.
    """

    def __init__(self, where: str | Path) -> None:
        url = _parse(str(where))
        self.name = url.render_as_string(hide_password=True)
        if url.get_backend_name() == "sqlite":
            self._engine = _sqlite(url)
        else:
            self._engine = _postgresql(url)

    @contextlib.contextmanager
    def transaction(self, *, writes: bool) -> Iterator[sa.Connection]:
        """Yield a connection in a transaction, which is durable once this returns.

        Args:
            writes: whether it writes; only one writer at a time is let in.

        Raises:
            StoreUnavailableError: if the database is away, full or busy; nothing was written.
        """
        try:
            with self._engine.connect().execution_options(**{_WRITES: writes}) as connection, connection.begin():
                if writes and connection.dialect.name == "postgresql":
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")
                yield connection
        except _FAULTS as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise StoreUnavailableError(f"the store {self.name} cannot be used now: {reason}") from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _parse(where: str) -> sa.URL:
    if "://" not in where:
        return sa.URL.create("sqlite", database=where)
    try:
        url = sa.make_url(where)
    except exc.ArgumentError:
        raise ConfigError("the store must be the path of a file, or postgresql://USER@HOST/NAME") from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(f"the store cannot be {url.get_backend_name()!r}; valid: a path, or postgresql://...")
    return url


def _sqlite(url: sa.URL) -> sa.Engine:
    folder = Path(url.database or "").absolute().parent
    if not url.database or not folder.is_dir():
        raise ConfigError(f"the store {url.database or ''!r}: there is no folder {str(folder)!r} for it")
    engine = sa.create_engine(url, connect_args={"timeout": PATIENCE_S})

    @event.listens_for(engine, "connect")
    def _settle(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver shall not begin transactions behind our back
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # what was acknowledged outlives a loss of power
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        # A transaction that begins by reading cannot wait for another writer: it is told to start again.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: sa.URL) -> sa.Engine:
    milliseconds = PATIENCE_S * 1000
    options = f"-c lock_timeout={milliseconds} -c statement_timeout={milliseconds * 12}"
    arguments = {"connect_timeout": PATIENCE_S, "options": options}
    try:
        return sa.create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, connect_args=arguments)
    except ModuleNotFoundError:
        raise ConfigError("a store in PostgreSQL needs psycopg; install it: pip install 'textenvs[feedback]'") from None
