"""Kinds of tasks in which one result is not enough: pages to be turned, and lists that go on."""

from __future__ import annotations

from collections import Counter
from typing import Any

from textenvs.envs.toolcall.world.calling import served
from textenvs.envs.toolcall.world.draft import Draft, ImpasseError, Truth
from textenvs.envs.toolcall.world.operations import HANDFUL, PAGE, Operation
from textenvs.envs.toolcall.world.phrases import ALL, LISTED, MADE, sentence
from textenvs.envs.toolcall.world.plans import Result, noun_in


def pages(draft: Draft) -> None:
    """A record that is not on the first page of a list."""
    services = [one for one in draft.services if "browse" in one.verbs]
    if not services:
        raise ImpasseError("pages")
    service = draft.dice.pick(services)
    edition = draft.edition(service)
    draft.rows(service)
    there = draft.database.select(service, {"edition": edition})  # a request before may have taken some away
    later = [row for row in there[PAGE:] if draft.told_apart(service, row)]
    if not later:
        raise ImpasseError("pages")
    row = draft.dice.pick(later)
    browse = Operation(service, "browse", edition)
    listed = draft.call(browse, page=1)
    while all(one[service.title] != row[service.title] for one in listed["items"]):
        listed = draft.call(browse, page=listed["page"] + 1)
    said = sentence(
        draft.setting,
        "which",
        noun=noun_in(draft, service),
        label=service.field(service.title).label[draft.setting.language],
        value=row[service.title],
    )
    answer = MADE[draft.setting.language].format(value=row["id"])
    draft.say(said, served(Result(((row["id"],),), answer), ordered=True))


def partial(draft: Draft) -> None:
    """All records with some value, of which the tool lists a few at a time."""
    operation, value = _many(draft)
    service, language = operation.service, draft.setting.language
    listed = draft.call(operation, **{operation.field: value})
    found: list[str] = listed["items"]
    while listed["more"]:
        listed = draft.call(operation, **{operation.field: value, "after": listed["next"]})
        found += listed["items"]
    others = [row["id"] for row in draft.database.select(service, {"edition": operation.edition})]
    field = service.field(operation.field)
    said = sentence(
        draft.setting,
        "every",
        noun=noun_in(draft, service),
        label=field.label[language],
        value=field.kind.say(value, draft.setting),
    )
    answer = ALL[language].format(values=LISTED[language].join(found))
    decoys = tuple(key for key in others if key not in found)
    draft.say(said, Truth(("call",), answer, tuple((key,) for key in found), decoys=decoys, ordered=True))


def _many(draft: Draft) -> tuple[Operation, Any]:
    """Find a value that more records have than are listed at a time; return what lists them, and the value."""
    left = [(service, name) for service in draft.services for name in service.listed_by]
    while left:
        service, name = left.pop(draft.dice.below(len(left)))
        draft.rows(service)
        edition = draft.edition(service)
        held = Counter(row[name] for row in draft.database.select(service, {"edition": edition}))
        if values := [value for value, count in held.items() if count > HANDFUL]:
            return Operation(service, "match", edition, name), draft.dice.pick(values)
    raise ImpasseError("partial")
