"""Requests before they are served: one operation with its arguments, and how the user puts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textenvs.envs.toolcall.world.cards import act_of, noun_of
from textenvs.envs.toolcall.world.database import Row
from textenvs.envs.toolcall.world.draft import Draft, Forms, ImpasseError
from textenvs.envs.toolcall.world.kinds import RATE, Flag, Ref, Setting
from textenvs.envs.toolcall.world.operations import Operation, id_field
from textenvs.envs.toolcall.world.phrases import COMMA, DONE, FACT, MADE, TITLED, sentence
from textenvs.envs.toolcall.world.services import SERVICES
from textenvs.envs.toolcall.world.spec import Field, Service, Verb


@dataclass(frozen=True, slots=True)
class Plan:
    """One operation that a user will ask for.

    Attributes:
        operation: what is to be done.
        arguments: with which.
        said: the whole sentence.
        asked: which field of a record the user wants to know; None where none.
        parts: of a new record, what the user says about each field.
    """

    operation: Operation
    arguments: Mapping[str, Any]
    said: str
    asked: Field | None = None
    parts: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a plan.

    Attributes:
        facts: what the user needs to hear.
        answer: the words for it.
        value: what the tool returned.
    """

    facts: tuple[Forms, ...]
    answer: str
    value: Any = None


def known(setting: Setting, service: Service, row: Row) -> str:
    """Return how a user refers to a record by its key."""
    language = setting.language
    noun = noun_of(service, row["edition"], language)
    said = {
        name: row[name] if name == "id" else service.field(name).kind.say(row[name], setting) for name in service.key
    }
    return service.known_as[language].format(noun=noun, **said)


def titled(setting: Setting, service: Service, row: Row) -> str:
    """Return how a user refers to a record by its title."""
    noun = noun_of(service, row["edition"], setting.language)
    return TITLED[setting.language].format(noun=noun, title=row[service.title])


def key_of(service: Service, row: Row) -> dict[str, Any]:
    """Return the arguments that name a record."""
    return {id_field(service).name if name == "id" else name: row[name] for name in service.key}


def look(draft: Draft, service: Service, row: Row | None = None, thing: str = "", asked: Field | None = None) -> Plan:
    """Plan to read one field of a record.

    Args:
        draft: the episode.
        service: whose record.
        row: which; None for any that no request was about yet.
        thing: how the user refers to it; by default by its key.
        asked: the field; None for any.
    """
    row = row or draft.row(service)
    asked = asked or draft.dice.pick(service.plain_fields)
    thing = thing or known(draft.setting, service, row)
    said = sentence(draft.setting, "question", thing=thing, label=asked.label[draft.setting.language])
    return Plan(Operation(service, "look", row["edition"]), key_of(service, row), said, asked)


def add(
    draft: Draft, service: Service, given: Mapping[str, tuple[Any, str]] | None = None, extras: float = 0.4
) -> Plan:
    """Plan to create a record.

    Args:
        draft: the episode.
        service: whose record.
        given: values that are settled, each with the words for it.
        extras: probability of each field that may be left out; brief tools do not have these.
    """
    draft.rows(service)
    operation = Operation(service, "add", draft.edition(service))
    settled = given or {}
    arguments: dict[str, Any] = {}
    parts: dict[str, str] = {}
    for one in operation.parameters:
        if one.name in settled or one.default is None or draft.dice.chance(0.0 if draft.dials.brief else extras):
            value, words = settled.get(one.name) or _value(draft, one)
            arguments[one.name] = value
            parts[one.name] = one.clause[draft.setting.language].format(v=words)
    return Plan(operation, arguments, command(draft.setting, operation, tuple(parts.values())), parts=parts)


def _value(draft: Draft, one: Field) -> tuple[Any, str]:
    """Draw a value for a field, with the words for it."""
    if isinstance(one.kind, Ref):
        service = SERVICES[one.kind.service]
        row = draft.row(service)
        return row["id"], known(draft.setting, service, row)
    value = one.kind.draw(draft.setting)
    return value, "" if isinstance(one.kind, Flag) else one.kind.say(value, draft.setting)


def command(setting: Setting, operation: Operation, clauses: Sequence[str]) -> str:
    """Return a request for an operation that has an act, with what the user says about it."""
    said = COMMA[setting.language].join(clauses)
    return sentence(setting, "command", act=act_of(operation, setting.language), clauses=said)


def convert(draft: Draft, service: Service) -> Plan:
    """Plan to convert an amount."""
    row = draft.row(service)
    operation = Operation(service, "convert", row["edition"])
    amount = operation.parameters[0].kind.draw(draft.setting)
    arguments = {"amount": amount, **key_of(service, row)}
    language = draft.setting.language
    clauses = [
        one.clause[language].format(v=one.kind.say(arguments[one.name], draft.setting)) for one in operation.parameters
    ]
    return Plan(operation, arguments, command(draft.setting, operation, clauses), operation.parameters[0])


def change(draft: Draft, service: Service, row: Row | None = None, thing: str = "", field: str = "") -> Plan:
    """Plan to change one field of a record; see `look`."""
    row = row or draft.row(service)
    one = service.field(field or draft.dice.pick(service.changeable))
    value = one.kind.draw(draft.setting)
    while value == row[one.name]:
        value = one.kind.draw(draft.setting)
    said = sentence(
        draft.setting,
        "change",
        thing=thing or known(draft.setting, service, row),
        label=one.label[draft.setting.language],
        value=one.kind.say(value, draft.setting),
    )
    return Plan(Operation(service, "change", row["edition"], one.name), {**key_of(service, row), one.name: value}, said)


def drop(draft: Draft, service: Service, row: Row | None = None, thing: str = "") -> Plan:
    """Plan to remove a record; see `look`."""
    row = row or draft.row(service)
    draft.gone.add(row["id"])
    operation = Operation(service, "drop", row["edition"])
    act = act_of(operation, draft.setting.language)
    said = sentence(draft.setting, "drop", act=act, thing=thing or known(draft.setting, service, row))
    return Plan(operation, key_of(service, row), said)


PLANNERS: Mapping[Verb, Callable[[Draft, Service], Plan]] = {
    "look": look,
    "add": add,
    "convert": convert,
    "change": change,
    "drop": drop,
}
"""How to plan a request that one call serves."""


def any_plan(draft: Draft, *verbs: Verb, service: Service | None = None) -> Plan:
    """Plan a request that one call serves.

    Args:
        draft: the episode.
        verbs: which operations it may be; any if none is given.
        service: whose; None for any.

    Raises:
        ImpasseError: if there is no such operation.
    """
    wanted: tuple[Verb, ...] = verbs or tuple(PLANNERS)
    able = [one for one in ((service,) if service else draft.services) if any(verb in wanted for verb in _planned(one))]
    if not able:
        raise ImpasseError(" or ".join(wanted))
    chosen = draft.dice.pick(able)
    verbs = tuple(verb for verb in _planned(chosen) if verb in wanted)
    return PLANNERS[draft.dice.pick(verbs)](draft, chosen)


def _planned(service: Service) -> tuple[Verb, ...]:
    return tuple(verb for verb in service.verbs if verb in PLANNERS)


def noun_in(draft: Draft, service: Service) -> str:
    """Return what the episode's records of a service are called."""
    return noun_of(service, draft.edition(service), draft.setting.language)


def carry_out(draft: Draft, plan: Plan) -> Result:
    """Make the call that a plan needs, and return what the user must hear."""
    return result_of(draft, plan, draft.call(plan.operation, **plan.arguments))


def result_of(draft: Draft, plan: Plan, value: Any) -> Result:
    """Return what the user must hear of a tool's result."""
    operation, language = plan.operation, draft.setting.language
    if plan.asked is not None:
        return report(draft.setting, plan.asked, value[plan.asked.name], value)
    if operation.verb == "add":
        key = value[id_field(operation.service).name]
        return Result(((key,),), MADE[language].format(value=key), value)
    return Result((), DONE[language], value)


def report(setting: Setting, field: Field, value: Any, whole: Any = None) -> Result:
    """Return a result in which one value of a field is what matters."""
    kind = RATE if isinstance(value, float) else field.kind  # what is converted has decimals
    forms = kind.forms(value, setting.language)
    answer = FACT[setting.language].format(label=field.label[setting.language], value=forms[0])
    return Result((forms,), answer, whole)
