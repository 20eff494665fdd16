"""The store: append-only, idempotent, ordered, and the same on both databases."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from agents.feedback.admission import DAY_S, ClockLimits, Outcome
from agents.feedback.export import Format, export
from agents.feedback.refusals import Reason, Refusal
from agents.feedback.schema import REFUSALS, STEPS, migrate
from agents.feedback.store import Interaction, Store
from tests.agents.feedback.records import EXTRAS, NOW, event, shown
from tests.agents.feedback.servers import Postgres
from textenvs.errors import ConfigError, StoreUnavailableError


def reasons(outcomes: list[Outcome | Refusal]) -> list[str]:
    return [str(outcome.reason if isinstance(outcome, Refusal) else outcome) for outcome in outcomes]


def test_what_is_appended_comes_back(where: str) -> None:
    events = [event(kind, f"e-{kind}") for kind in EXTRAS]
    store = Store(where)
    assert set(store.append([shown(), *events])) == {Outcome.STORED}
    store.close()
    again = Store(where)
    assert [stored.record for stored in again.impressions()] == [shown()]
    assert [stored.record for stored in again.events()] == events
    assert [stored.seq for stored in again.events()] == list(range(2, len(events) + 2))
    assert list(again.interactions()) == [Interaction(shown(), tuple(events))]
    again.close()


def test_a_record_that_comes_twice_is_kept_once(where: str) -> None:
    store = Store(where)
    click = event("click")
    assert reasons(store.append([shown(), click, click])) == ["stored", "stored", "duplicate"]
    assert reasons(store.append([click, shown(), event("thumb", click.id)])) == ["duplicate", "duplicate", "conflict"]
    assert store.last_seq() == 2
    store.close()


def test_records_that_do_not_fit_are_refused_and_the_rest_goes_on(where: str) -> None:
    store = Store(where)
    given = [
        event("click", "orphan", of="nowhere"),
        shown(),
        event("click", "far", position=2),
        event("ranking", "long", order=[0, 1, 5]),
        event("abandon", "early", time=NOW - 1000),
        event("abandon", "future", time=time.time() + 1000),
        event("abandon", "old", time=NOW - 31 * DAY_S),
        event("abandon", "good"),
    ]
    outcomes = store.append(given)
    expected = ["unknown_impression", "stored", "unknown_position", "unknown_position", *["clock_skew"] * 3, "stored"]
    assert reasons(outcomes) == expected
    details = [outcome.detail for outcome in outcomes if isinstance(outcome, Refusal)]
    assert [detail.split(":")[0] for detail in details] == ["impression_id", "position", "order", *["time"] * 3]
    assert "2, but the impression showed 2" in details[1]
    store.append([event("click", "orphan", of="nowhere")])
    store.count_refusals({Reason.NOT_JSON: 3})
    with store.database.transaction(writes=False) as connection:
        counts = {row.reason: row.n for row in connection.execute(sa.select(REFUSALS))}
    assert counts == {"unknown_impression": 2, "unknown_position": 2, "clock_skew": 3, "not_json": 3}
    store.close()


def test_a_replay_is_known_even_when_its_time_has_passed(tmp_path: Path) -> None:
    now = NOW
    store = Store(tmp_path / "f.db", clock=lambda: now)
    store.append([shown()])
    now += 40 * DAY_S
    assert reasons(store.append([shown(), shown("i1")])) == ["duplicate", "clock_skew"]
    store.close()
    patient = Store(tmp_path / "f.db", clock=lambda: now, limits=ClockLimits(max_age_s=50 * DAY_S))
    assert reasons(patient.append([shown("i1")])) == ["stored"]
    patient.close()


def test_reading_on_misses_nothing_and_repeats_nothing(where: str) -> None:
    store = Store(where)
    store.append([shown("i0"), shown("i1"), event("click", "e0", of="i0")])
    seen = store.last_seq()
    assert list(store.interactions(seen)) == []
    store.append([event("thumb", "e1", of="i0"), shown("i2")])
    fresh = list(store.interactions(seen))
    assert [(i.impression.id, [e.id for e in i.events]) for i in fresh] == [("i0", ["e0", "e1"]), ("i2", [])]
    assert [stored.record.id for stored in store.impressions(seen)] == ["i2"]
    store.close()


@pytest.mark.parametrize("table", ["impressions", "events"])
@pytest.mark.parametrize("change", ["UPDATE {} SET body = ''", "DELETE FROM {}"])
def test_nothing_is_changed_or_deleted(where: str, table: str, change: str) -> None:
    store = Store(where)
    store.append([shown(), event("click")])
    with (
        pytest.raises(sa.exc.DBAPIError, match="append-only"),
        store.database.transaction(writes=True) as connection,
    ):
        connection.exec_driver_sql(change.format(table))
    assert len(list(store.impressions())) == len(list(store.events())) == 1
    store.close()


def test_an_older_store_is_brought_up_to_date_with_its_rows(where: str) -> None:
    store = Store(where)
    store.append([shown()])
    step = dict.fromkeys(("sqlite", "postgresql"), ("ALTER TABLE events ADD COLUMN note TEXT",))
    with store.database.transaction(writes=True) as connection:
        assert migrate(connection, [*STEPS, step]) == len(STEPS)
        assert migrate(connection, [*STEPS, step]) == len(STEPS) + 1
        assert connection.exec_driver_sql("SELECT count(note) FROM events").scalar() == 0
    assert [stored.record for stored in store.impressions()] == [shown()]
    store.close()
    with pytest.raises(ConfigError, match="update textenvs"):
        Store(where)


def test_a_step_that_fails_leaves_the_store_as_it_was(where: str) -> None:
    store = Store(where)
    broken = dict.fromkeys(("sqlite", "postgresql"), ("CREATE TABLE half (n INTEGER)", "CREATE NONSENSE"))
    with pytest.raises(Exception, match="NONSENSE"), store.database.transaction(writes=True) as connection:
        migrate(connection, [*STEPS, broken])
    with store.database.transaction(writes=True) as connection:
        assert migrate(connection) == len(STEPS)
        assert "half" not in sa.inspect(connection).get_table_names()
    store.close()


@pytest.mark.parametrize("fmt", ["jsonl", "parquet"])
def test_an_export_holds_every_record(tmp_path: Path, fmt: Format) -> None:
    store = Store(tmp_path / "f.db")
    events = [event(kind, f"e-{kind}") for kind in EXTRAS]
    store.append([shown(), shown("i1", answers=("x" * 10,)), *events])
    made = export(store, tmp_path / "out", fmt=fmt)
    assert (made.impressions, made.events, made.last_seq) == (2, len(events), store.last_seq())
    impressions, exported = (read(path) for path in made.files)
    assert [row["id"] for row in impressions] == ["i0", "i1"]
    first = {key: value for key, value in impressions[0].items() if key not in ("seq", "received_at")}
    assert first == json.loads(shown().model_dump_json())
    for row, record in zip(exported, events, strict=True):
        assert {key: row[key] for key in record.model_dump()} == json.loads(record.model_dump_json())
    later = export(store, tmp_path / "out", fmt=fmt, since=made.last_seq)
    assert (later.impressions, later.events) == (0, 0)
    assert [read(path) for path in later.files] == [[], []]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"events.{fmt}", f"impressions.{fmt}"]
    store.close()


def read(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    from pyarrow import parquet

    return parquet.read_table(path).to_pylist()


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    store = Store(tmp_path / "f.db")
    with store.database.transaction(writes=False) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")  # of the one pooled connection
    stored: list[str] = []

    def fill() -> None:
        for n in range(100):
            store.append([shown(f"i{n}", answers=("x" * 5000,))])
            stored.append(f"i{n}")

    with pytest.raises(StoreUnavailableError, match="full"):
        fill()
    assert stored
    assert [found.record.id for found in store.impressions()] == stored
    with store.database.transaction(writes=False) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert store.append([shown("after")]) == [Outcome.STORED]
    store.close()


def test_a_server_that_goes_away_and_comes_back(server: Postgres) -> None:
    store = Store(server.fresh_database())
    store.append([shown("i0")])
    server.stop()
    with pytest.raises(StoreUnavailableError):
        store.append([shown("i1")])
    server.start()
    assert store.append([shown("i1"), shown("i0")]) == [Outcome.STORED, Outcome.DUPLICATE]
    store.close()


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("mysql://host/db", "mysql"),
        ("ftp://x", "ftp"),
        ("nowhere/at/all/f.db", "no folder"),
        ("://", "must be the path"),
    ],
)
def test_what_can_be_no_store(where: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Store(where)


def test_a_password_is_never_shown() -> None:
    with pytest.raises(StoreUnavailableError) as caught:
        Store("postgresql://someone:secret@127.0.0.1:1/db")
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "f.db").write_text("this is a diary, not a database" * 100)
    with pytest.raises(ConfigError, match="no database"):
        Store(tmp_path / "f.db")


def test_an_impression_of_the_same_id_that_differs_is_a_conflict(where: str) -> None:
    store = Store(where)
    store.append([shown()])
    other = shown().model_copy(update={"policy_version": "v2"})
    assert reasons(store.append([other])) == ["conflict"]
    store.close()
