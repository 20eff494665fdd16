"""The state of an episode: one SQLite database in memory, a table for each service."""
# ruff: noqa: S608 (names of tables and columns are those of the specifications; values are always bound)

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Self

from textenvs.envs.toolcall.world.spec import Service

Row = dict[str, Any]
"""A record: its columns, ``id`` and ``edition`` among them."""

STRIDE = 7
"""How far apart ids lie, so that one more is no guess."""


WRITES = "writes"
"""Under which name a state holds the number of writes; no service is called so."""


class NotFoundError(Exception):
    """There is no such record; the message is for the agent."""


class Database:
    """The tables of one episode.

    It is copied and pickled as its content. Names of tables and columns come from the services' specifications, values
    are always bound.

    Args:
        first_ids: number of the first id of every service.

    Attributes:
        writes: how many records were created, changed or removed since the tables were filled.
    """

    def __init__(self, first_ids: int) -> None:
        self._first = first_ids
        self._open()

    def _open(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._columns: dict[str, tuple[str, ...]] = {}
        self._issued: dict[str, int] = {}
        self._digests: dict[str, str] = {}
        self.writes = 0

    def id_of(self, service: Service, number: int) -> str:
        """Return the id of a service's record by the order of creation, from 0."""
        return f"{service.letter}{self._first + STRIDE * number}"

    def create(self, service: Service, rows: Sequence[Row]) -> None:
        """Create the table of a service, with the records that are there before anybody writes."""
        columns = ("id", "edition", *(field.name for field in service.fields))
        self._columns[service.name], self._issued[service.name] = columns, len(rows)
        self._fill(service.name, [tuple(row[name] for name in columns) for row in rows])

    def _fill(self, name: str, values: Sequence[tuple[Any, ...]]) -> None:
        columns = self._columns[name]
        self._connection.execute(f"CREATE TABLE {name}s ({', '.join(columns)}, PRIMARY KEY (id))")
        if values:
            self._connection.executemany(f"INSERT INTO {name}s VALUES ({_marks(columns)})", values)

    def new_id(self, service: Service) -> str:
        """Return an id that was never used."""
        self._issued[service.name] += 1
        return self.id_of(service, self._issued[service.name] - 1)

    def insert(self, service: Service, row: Row) -> None:
        """Create a record."""
        columns = self._columns[service.name]
        values = tuple(row[name] for name in columns)
        self._connection.execute(f"INSERT INTO {service.name}s VALUES ({_marks(columns)})", values)
        self._written(service)

    def amend(self, service: Service, key: str, column: str, value: Any) -> None:
        """Let a record hold another value as though it always had."""
        self._connection.execute(f"UPDATE {service.name}s SET {column} = ? WHERE id = ?", (value, key))
        self._digests.pop(service.name, None)

    def update(self, service: Service, key: str, column: str, value: Any) -> None:
        """Change one column of a record."""
        self.amend(service, key, column, value)
        self._written(service)

    def delete(self, service: Service, key: str) -> None:
        """Remove a record."""
        self._connection.execute(f"DELETE FROM {service.name}s WHERE id = ?", (key,))
        self._written(service)

    def _written(self, service: Service) -> None:
        self.writes += 1
        self._digests.pop(service.name, None)

    def select(self, service: Service, where: Mapping[str, Any]) -> list[Row]:
        """Return the records with these values, in the order of their ids."""
        condition = " AND ".join(f"{column} = ?" for column in where)
        query = f"SELECT * FROM {service.name}s WHERE {condition} ORDER BY rowid"
        columns = self._columns[service.name]
        return [dict(zip(columns, row, strict=True)) for row in self._connection.execute(query, tuple(where.values()))]

    def one(self, service: Service, where: Mapping[str, Any]) -> Row:
        """Return the record with these values.

        Raises:
            NotFoundError: if there is none.
        """
        found = self.select(service, where)
        if not found:
            wanted = ", ".join(f"{column} {value!r}" for column, value in where.items() if column != "edition")
            qualifier = f"{where['edition']} " if where.get("edition") else ""
            raise NotFoundError(f"there is no {qualifier}{service.name} with {wanted}")
        return found[0]

    def digests(self) -> dict[str, Any]:
        """Return a hash of every table's records, and how many writes there were: one that is undone is one too."""
        hashes = {name: self.digest_of(name) for name in self._columns}
        return {**hashes, WRITES: self.writes}

    def digest_of(self, name: str) -> str:
        """Return a hash of one service's records, by its name; kept until one of them is written."""
        if name not in self._digests:
            content = repr(self._records(name)).encode()
            self._digests[name] = hashlib.blake2b(content, digest_size=8).hexdigest()
        return self._digests[name]

    def fork(self) -> Self:
        """Return an independent copy."""
        twin = object.__new__(type(self))
        twin.__setstate__(self.__getstate__())
        return twin

    def __getstate__(self) -> tuple[Any, ...]:
        content = {name: self._records(name) for name in self._columns}
        return self._first, self._columns, self._issued, self.writes, content

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._first, columns, issued, writes, content = state
        self._open()
        self._columns, self._issued, self.writes = dict(columns), dict(issued), writes
        for name, rows in content.items():
            self._fill(name, rows)

    def _records(self, name: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(f"SELECT * FROM {name}s ORDER BY rowid").fetchall()

    def __del__(self) -> None:
        self._connection.close()


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))
