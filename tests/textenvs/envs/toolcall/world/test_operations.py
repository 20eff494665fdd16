"""The mechanisms on the database: what they return, what they change, what they refuse."""

from __future__ import annotations

import datetime
import pickle

import numpy as np
import pytest

from textenvs.dice import Dice
from textenvs.envs.toolcall.world.database import WRITES, NotFoundError
from textenvs.envs.toolcall.world.dials import Dials
from textenvs.envs.toolcall.world.draft import Draft
from textenvs.envs.toolcall.world.kinds import Setting
from textenvs.envs.toolcall.world.operations import HANDFUL, InvalidValueError, Operation
from textenvs.envs.toolcall.world.services import SERVICES

ORDER, EVENT, RATE = SERVICES["order"], SERVICES["event"], SERVICES["rate"]


@pytest.fixture
def draft() -> Draft:
    dice = Dice(np.random.default_rng(3))
    made = Draft(Setting("en", "train", dice, datetime.date(2031, 3, 12)), Dials(records=(7, 7)))
    for service in SERVICES.values():
        made.rows(service)
    return made


def test_a_record_is_read_changed_and_removed(draft: Draft) -> None:
    row = draft.row(ORDER)
    look, drop = Operation(ORDER, "look"), Operation(ORDER, "drop")
    assert look.run(draft.database, order_id=row["id"])["product"] == row["product"]
    Operation(ORDER, "change", field="quantity").run(draft.database, order_id=row["id"], quantity=42)
    assert look.run(draft.database, order_id=row["id"])["quantity"] == 42
    drop.run(draft.database, order_id=row["id"])
    with pytest.raises(NotFoundError, match=row["id"]):
        look.run(draft.database, order_id=row["id"])


def test_a_new_record_has_a_new_id_and_its_defaults(draft: Draft) -> None:
    customer = draft.row(SERVICES["contact"])["id"]
    add = Operation(ORDER, "add")
    first = add.run(draft.database, product="red lamp", quantity=2, customer_id=customer)["order_id"]
    Operation(ORDER, "drop").run(draft.database, order_id=first)
    second = add.run(draft.database, product="red lamp", quantity=2, customer_id=customer)["order_id"]
    assert second != first
    assert second not in {row["id"] for row in draft.rows(ORDER)}
    made = Operation(ORDER, "look").run(draft.database, order_id=second)
    assert (made["gift_wrap"], made["status"]) == (False, "open")


def test_one_edition_does_not_see_the_others_records(draft: Draft) -> None:
    row = draft.row(EVENT)
    other = next(name for name in EVENT.editions if name != row["edition"])
    assert Operation(EVENT, "find", row["edition"]).run(draft.database, title=row["title"]) == {"event_id": row["id"]}
    with pytest.raises(NotFoundError, match=other):
        Operation(EVENT, "find", other).run(draft.database, title=row["title"])


def test_pages_hold_every_record_once(draft: Draft) -> None:
    browse = Operation(ORDER, "browse")
    pages = [browse.run(draft.database, page=page) for page in (1, 2, 3)]
    assert [len(page["items"]) for page in pages] == [3, 3, 1]
    assert [item["order_id"] for page in pages for item in page["items"]] == [row["id"] for row in draft.rows(ORDER)]
    assert {page["pages"] for page in pages} == {3}


def test_a_list_goes_on_after_what_was_listed(draft: Draft) -> None:
    held = [row for row in draft.rows(EVENT) if row["edition"] == draft.edition(EVENT)]
    match = Operation(EVENT, "match", draft.edition(EVENT), "room")
    for room in ("red", "blue", "online"):
        listed, more, after = [], True, ""
        while more:
            result = match.run(draft.database, room=room, after=after)
            more, after = result["more"], result.get("next", "")
            assert len(result["items"]) <= HANDFUL
            assert more is (after != "")
            listed += result["items"]
        assert listed == [row["id"] for row in held if row["room"] == room]
    with pytest.raises(NotFoundError, match="after: 'E1' was not listed"):
        match.run(draft.database, room="red", after="E1")


def test_what_is_changed_or_listed_by_must_be_said() -> None:
    for name in ("speed", "destination"):
        for verb in ("change", "match"):
            given = {one.name: one.default for one in Operation(SERVICES["parcel"], verb, "local", name).parameters}
            assert given[name] is None


def test_a_sum_is_converted_by_the_rate(draft: Draft) -> None:
    row = draft.row(RATE)
    convert = Operation(RATE, "convert", row["edition"])
    given = convert.run(draft.database, amount=250, source=row["source"], target=row["target"])
    assert given == {"amount": pytest.approx(250 * row["rate"])}


def test_what_cannot_be_is_refused_and_nothing_is_written(draft: Draft) -> None:
    before = draft.database.digests()
    row = draft.row(EVENT)
    with pytest.raises(InvalidValueError, match="day: 2031-02-30 is no date"):
        Operation(EVENT, "change", row["edition"], "day").run(draft.database, event_id=row["id"], day="2031-02-30")
    with pytest.raises(NotFoundError, match="C0"):
        Operation(ORDER, "add").run(draft.database, product="x", quantity=1, customer_id="C0")
    assert draft.database.digests() == before


def test_the_digest_sees_every_write_even_one_that_is_undone(draft: Draft) -> None:
    before = draft.database.digests()
    row = draft.row(ORDER)
    change = Operation(ORDER, "change", field="quantity")
    change.run(draft.database, order_id=row["id"], quantity=row["quantity"] + 1)
    changed = draft.database.digests()
    assert {name for name in before if before[name] != changed[name]} == {"order", WRITES}
    change.run(draft.database, order_id=row["id"], quantity=row["quantity"])
    again = draft.database.digests()
    assert again["order"] == before["order"]
    assert again != before


def test_copies_are_independent(draft: Draft) -> None:
    row = draft.row(ORDER)
    for copied in (draft.database.fork(), pickle.loads(pickle.dumps(draft.database))):  # noqa: S301 (our own)
        assert copied.digests() == draft.database.digests()
        Operation(ORDER, "drop").run(copied, order_id=row["id"])
        assert copied.digests() != draft.database.digests()
        Operation(ORDER, "look").run(draft.database, order_id=row["id"])
