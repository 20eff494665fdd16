"""The tables of the store, and the steps by which an older store becomes one of today.

The steps are plain DDL, numbered by their place, and only ever appended to. Alembic would bring an environment, a
folder of generated scripts and a command of its own for what is here three append-only tables; the one table
`schema_version` and the list below do the same work inside one transaction, on SQLite and PostgreSQL alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from textenvs.errors import ConfigError

_METADATA = sa.MetaData()

IMPRESSIONS = sa.Table(
    "impressions",
    _METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.Text),
    sa.Column("received_at", sa.Double),
    sa.Column("time", sa.Double),
    sa.Column("policy_version", sa.Text),
    sa.Column("candidates", sa.Integer),
    sa.Column("body", sa.Text),
)
"""What was shown; `body` is the record as JSON, the other columns are what queries ask for."""

EVENTS = sa.Table(
    "events",
    _METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.Text),
    sa.Column("received_at", sa.Double),
    sa.Column("time", sa.Double),
    sa.Column("impression_id", sa.Text),
    sa.Column("policy_version", sa.Text),
    sa.Column("kind", sa.Text),
    sa.Column("body", sa.Text),
)
"""What users did; `policy_version` is the impression's."""

REFUSALS = sa.Table(
    "refusals", _METADATA, sa.Column("reason", sa.Text, primary_key=True), sa.Column("n", sa.BigInteger)
)
"""How much was refused, by reason."""

_VERSION = sa.Table("schema_version", _METADATA, sa.Column("version", sa.Integer))

_TABLES = (
    "CREATE TABLE impressions (seq BIGINT PRIMARY KEY, id TEXT NOT NULL UNIQUE, received_at DOUBLE PRECISION NOT NULL,"
    " time DOUBLE PRECISION NOT NULL, policy_version TEXT NOT NULL, candidates INTEGER NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE events (seq BIGINT PRIMARY KEY, id TEXT NOT NULL UNIQUE, received_at DOUBLE PRECISION NOT NULL,"
    " time DOUBLE PRECISION NOT NULL, impression_id TEXT NOT NULL REFERENCES impressions (id),"
    " policy_version TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE refusals (reason TEXT PRIMARY KEY, n BIGINT NOT NULL)",
    "CREATE INDEX impressions_by_policy ON impressions (policy_version)",
    "CREATE INDEX events_by_impression ON events (impression_id)",
    "CREATE INDEX events_by_policy ON events (policy_version, kind, impression_id)",
    "CREATE INDEX events_by_kind ON events (kind, seq)",
    "CREATE INDEX events_by_arrival ON events (received_at)",
)

_GUARDED = ("impressions", "events")
_GUARDS: Mapping[str, Sequence[str]] = {
    "sqlite": tuple(
        f"CREATE TRIGGER {table}_refuse_{deed.lower()} BEFORE {deed} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in _GUARDED
        for deed in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$",
        *(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            for table in _GUARDED
        ),
    ),
}

STEPS: tuple[Mapping[str, Sequence[str]], ...] = (dict.fromkeys(_GUARDS, _TABLES), _GUARDS)
"""The statements of every version, by dialect; version n is reached by the first n steps."""


def migrate(connection: sa.Connection, steps: Sequence[Mapping[str, Sequence[str]]] = STEPS) -> int:
    """Bring the store to today's version, within the caller's transaction.

    Args:
        connection: in a transaction that keeps other writers out.
        steps: every step there is.

    Returns:
        The version that the store had before; 0 if it was empty.

    Raises:
        ConfigError: if a newer program wrote the store.
    """
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    found = connection.scalar(sa.select(sa.func.max(_VERSION.c.version))) or 0
    if found > len(steps):
        raise ConfigError(f"the store has version {found}, and this program knows {len(steps)}: update textenvs")
    for version, step in enumerate(steps[found:], found + 1):
        for statement in step[connection.dialect.name]:
            connection.execute(sa.text(statement))
        connection.execute(_VERSION.insert().values(version=version))
    return found
