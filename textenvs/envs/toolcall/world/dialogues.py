"""Kinds of tasks that take more than one message of the user."""

from __future__ import annotations

from dataclasses import replace

from textenvs.envs.toolcall.world.calling import served
from textenvs.envs.toolcall.world.cards import schema_of
from textenvs.envs.toolcall.world.draft import Draft, ImpasseError, Truth
from textenvs.envs.toolcall.world.kinds import Ref
from textenvs.envs.toolcall.world.operations import Operation, id_field
from textenvs.envs.toolcall.world.phrases import IT, PRONOUN, sentence
from textenvs.envs.toolcall.world.plans import (
    Plan,
    add,
    any_plan,
    carry_out,
    change,
    look,
    noun_in,
    result_of,
)
from textenvs.envs.toolcall.world.services import SERVICES
from textenvs.envs.toolcall.world.silent import ask_for, withhold
from textenvs.envs.toolcall.world.spec import Service


def pronoun(draft: Draft) -> None:
    """A second request about what the first one was about, which the user does not name again."""
    person = draft.dice.chance(0.5)
    services = [one for one in draft.services if _can_follow(one, person)]
    if not services:
        raise ImpasseError("pronoun")
    service = draft.dice.pick(services)
    about = SERVICES["contact"] if person else service
    row = draft.row(about)
    first = look(draft, about, row)
    draft.say(first.said, served(carry_out(draft, first)))
    language = draft.setting.language
    if person:
        link = next(one.name for one in service.fields if one.kind == Ref("contact"))
        second = add(draft, service, {link: (row["id"], PRONOUN[language])})
    else:
        second = change(draft, service, row, IT[language])
    draft.say(second.said, served(carry_out(draft, second)))


def _can_follow(service: Service, person: bool) -> bool:
    if not person:
        return "change" in service.verbs
    return any(one.kind == Ref("contact") and one.name in service.stated for one in service.fields)


def missing(draft: Draft) -> None:
    """Something required is not said; the user says it when asked."""
    plan, lacking = ask_for(draft)
    clause = (plan.parts or {})[lacking]
    said = sentence(draft.setting, "supply", clause=clause)
    draft.say(said, served(carry_out(draft, plan)))


def withheld(draft: Draft) -> None:
    """There is no tool for it, until the user hands one over."""
    plan = withhold(draft)
    card = draft.namer.card(plan.operation)
    draft.expect(card, **plan.arguments)
    value = draft.execute(plan.operation, **plan.arguments)
    schema = schema_of(card, draft.setting.language, draft.dials.brief)
    said = sentence(draft.setting, "tool", schema=schema)
    draft.say(said, served(result_of(draft, plan, value)), supplied=(card,))


def undo(draft: Draft) -> None:
    """The user changes a value after the call: what was made is removed and made again."""
    services = [one for one in draft.services if "add" in one.verbs and "drop" in one.verbs]
    if not services:
        raise ImpasseError("undo")
    service = draft.dice.pick(services)
    first = add(draft, service)
    made = carry_out(draft, first)
    draft.say(first.said, served(made))
    name, second = _changed(draft, first)
    edition = draft.edition(service)
    removal = Operation(service, "drop", edition)
    draft.call(removal, **{id_field(service).name: made.value[id_field(service).name]})
    said = sentence(
        draft.setting,
        "redo",
        act=service.acts["drop"][draft.setting.language],
        noun=noun_in(draft, service),
        clause=(second.parts or {})[name],
    )
    draft.say(said, served(carry_out(draft, second)))


def _changed(draft: Draft, plan: Plan) -> tuple[str, Plan]:
    """Return the plan with another value for one of its arguments, and that argument's name."""
    fields = {one.name: one for one in plan.operation.parameters if one.name in plan.arguments and one.default is None}
    name = draft.dice.pick([name for name, one in fields.items() if one.clause["en"]])
    again = add(draft, plan.operation.service, extras=0.0)
    while again.arguments[name] == plan.arguments[name]:
        again = add(draft, plan.operation.service, extras=0.0)
    arguments = {**plan.arguments, name: again.arguments[name]}
    parts = {name: (again.parts or {})[name]}
    return name, replace(plan, arguments=arguments, parts=parts)


def repeat(draft: Draft) -> None:
    """The second question is answered by what was said already."""
    plan = any_plan(draft, "look")
    result = carry_out(draft, plan)
    draft.say(plan.said, served(result))
    label = plan.asked.label[draft.setting.language] if plan.asked else ""
    said = sentence(draft.setting, "repeat", label=label)
    draft.say(said, Truth(("answer",), result.answer, result.facts))
