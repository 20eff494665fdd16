"""Many writers at once, and a writer that is killed: nothing that was acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from agents.feedback.admission import Outcome
from agents.feedback.store import Store
from tests.agents.feedback.records import event, shown

WRITERS = 16
ROUNDS = 8
SHARED = 10
PATIENCE_S = 120

_CHILDREN = multiprocessing.get_context("forkserver")
_CHILDREN.set_forkserver_preload(["tests.agents.feedback.records", "agents.feedback.store"])


def start(target: Callable[..., None], *arguments: Any) -> tuple[Any, Connection]:
    ours, theirs = _CHILDREN.Pipe()
    child = _CHILDREN.Process(target=target, args=(*arguments, theirs))
    child.start()
    theirs.close()
    return child, ours


def write_much(where: str, number: int, report: Connection) -> None:
    """Write events of one's own, and some that every writer sends; report what was acknowledged."""
    store = Store(where)
    stored: list[str] = []
    for turn in range(ROUNDS):
        mine = [event("click", f"w{number}-{turn}-{n}", of="i0") for n in range(4)]
        ours = [event("thumb", f"shared-{(number + turn) % SHARED}", of="i0")]
        outcomes = store.append([*mine, *ours])
        stored += [e.id for e, outcome in zip([*mine, *ours], outcomes, strict=True) if outcome is Outcome.STORED]
    store.close()
    report.send(stored)


def test_sixteen_writers_lose_and_duplicate_nothing(where: str) -> None:
    # The first to open an empty store makes its tables; four try at once.
    children = [start(open_first, where) for _ in range(4)]
    for child, report in children:
        assert report.recv() == "open"
        child.join(PATIENCE_S)
    store = Store(where)
    store.append([shown()])
    writers = [start(write_much, where, number) for number in range(WRITERS)]
    acknowledged = Counter[str]()
    for child, report in writers:
        assert report.poll(PATIENCE_S)
        acknowledged.update(report.recv())
        child.join(PATIENCE_S)
    kept = [stored.record.id for stored in store.events()]
    assert len(kept) == WRITERS * ROUNDS * 4 + SHARED
    assert Counter(kept) == acknowledged  # every event was stored by exactly one writer, once
    numbers = [stored.seq for stored in store.events()]
    assert numbers == list(range(2, len(kept) + 2))
    store.close()


def open_first(where: str, report: Connection) -> None:
    """Open a store that is not there yet, or that another process is just making."""
    Store(where).close()
    report.send("open")


def write_until_killed(where: str, first: int, report: Connection) -> None:
    """Write for ever; report every event after it was acknowledged."""
    store = Store(where)
    for n in range(first, first + 1_000_000):
        store.append([event("click", f"e{n}-{part}", of="i0") for part in range(3)])
        report.send(n)


def test_a_killed_writer_loses_nothing_that_was_acknowledged(where: str) -> None:
    store = Store(where)
    store.append([shown()])
    acknowledged: list[int] = []
    for kill in range(3):
        child, report = start(write_until_killed, where, 1000 * kill)
        acknowledged += [report.recv() for _ in range(10 + kill)]
        child.kill()
        child.join(PATIENCE_S)
        acknowledged += drain(report)
        kept = Counter(stored.record.id.split("-")[0] for stored in store.events())
        assert set(kept.values()) == {3}  # a transaction is there as a whole or not at all
        assert set(kept) >= {f"e{n}" for n in acknowledged}
        assert len(kept) <= len(acknowledged) + kill + 1  # each killed writer may have had one more on its way
    store.close()


def drain(report: Connection) -> list[int]:
    found: list[int] = []
    try:
        while report.poll(0):
            found.append(report.recv())
    except EOFError:
        pass
    return found
