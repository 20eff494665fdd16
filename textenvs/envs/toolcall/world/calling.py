"""Kinds of tasks that one message asks for: single calls, choices, parallel calls, chains, values to be understood."""

from __future__ import annotations

from textenvs.envs.toolcall.world.database import Row
from textenvs.envs.toolcall.world.draft import Draft, ImpasseError, Truth
from textenvs.envs.toolcall.world.kinds import Amount, Choice, Day, Ref
from textenvs.envs.toolcall.world.operations import Operation
from textenvs.envs.toolcall.world.phrases import OF
from textenvs.envs.toolcall.world.plans import (
    Plan,
    Result,
    add,
    any_plan,
    carry_out,
    change,
    known,
    look,
    titled,
)
from textenvs.envs.toolcall.world.services import SERVICES
from textenvs.envs.toolcall.world.spec import Service


def served(result: Result, *, ordered: bool = False) -> Truth:
    """Return what is right with a request that tools serve."""
    return Truth(("call",), result.answer, result.facts, ordered=ordered)


def single(draft: Draft) -> None:
    """One call."""
    plan = any_plan(draft)
    draft.say(plan.said, served(carry_out(draft, plan)))


def choice(draft: Draft) -> None:
    """One call, with as many tools of nearly the same name and description as possible."""
    draft.crowded = True
    services = [one for one in draft.services if one.editions]
    if not services:
        raise ImpasseError("choice")
    plan = any_plan(draft, service=draft.dice.pick(services))
    for edition in plan.operation.service.editions:
        draft.offer(Operation(plan.operation.service, plan.operation.verb, edition, plan.operation.field))
    draft.say(plan.said, served(carry_out(draft, plan)))


def parallel(draft: Draft) -> None:
    """Two or three calls that do not depend on one another."""
    plans = [any_plan(draft)]
    with draft.speaking(linked=True):
        plans += [any_plan(draft) for _ in range(draft.dice.between(1, 1 if draft.dials.brief else 2))]
    results = [carry_out(draft, plan) for plan in plans]
    joint = "" if draft.setting.language == "zh" else " "
    facts = tuple(forms for result in results for forms in result.facts)
    answer = joint.join(dict.fromkeys(result.answer for result in results))
    draft.say(joint.join(plan.said for plan in plans), served(Result(facts, answer)))


def chain(draft: Draft) -> None:
    """Calls of which each needs what the one before has returned."""
    length = draft.dice.between(*draft.dials.chain)
    services = [one for one in draft.services if one.refs and "look" in one.verbs]
    if not services:
        raise ImpasseError("chain")
    service = draft.dice.pick(services)
    row = draft.row(service)
    found = "find" in service.verbs and draft.dice.chance(0.7) and draft.told_apart(service, row)
    if found:
        find = Operation(service, "find", row["edition"])
        draft.call(find, **{service.title: row[service.title]})
    thing = titled(draft.setting, service, row) if found else known(draft.setting, service, row)
    for _ in range(length - 1 - found):
        service, row, thing = _hop(draft, service, row, thing)
    plan = _ending(draft, service, row, thing)
    draft.say(plan.said, served(carry_out(draft, plan), ordered=True))


def _hop(draft: Draft, service: Service, row: Row, thing: str) -> tuple[Service, Row, str]:
    """Read a record for the id of another; return that one."""
    there = [(link, target) for link, target in service.refs if row[link.name] not in draft.gone]
    if not there:
        raise ImpasseError("chain")
    link, target = draft.dice.pick(there)
    looked = look(draft, service, row, thing, link)
    draft.call(looked.operation, **looked.arguments)
    other = SERVICES[target]
    words = OF[draft.setting.language].format(thing=thing, label=link.label[draft.setting.language])
    return other, draft.row_with_id(other, row[link.name]), words


def _ending(draft: Draft, service: Service, row: Row, thing: str) -> Plan:
    """Plan what is asked about the record at the end of a chain: a value of it, or something done with it."""
    takers = [one for one in draft.services if "add" in one.verbs and _parameter_for(one, service)]
    if takers and draft.dice.chance(0.5):
        taker = draft.dice.pick(takers)
        return add(draft, taker, {_parameter_for(taker, service): (row["id"], thing)}, extras=0.2)
    if service.changeable and draft.dice.chance(0.3):
        return change(draft, service, row, thing)
    return look(draft, service, row, thing)


def _parameter_for(taker: Service, service: Service) -> str:
    """Return the field of a new record that takes the id of a service's record; ``""`` if none does."""
    fitting = (one.name for one in taker.fields if one.kind == Ref(service.name) and one.name in taker.stated)
    return next(fitting, "")


def defaults(draft: Draft) -> None:
    """A new record, with everything stated that may be left out, or nothing of it."""
    services = [one for one in draft.services if any(one.field(name).default is not None for name in one.stated)]
    if not services:
        raise ImpasseError("defaults")
    plan = add(draft, draft.dice.pick(services), extras=float(draft.dice.chance(0.5)))
    draft.say(plan.said, served(carry_out(draft, plan)))


def canonical(draft: Draft) -> None:
    """Values that users say in another form than the tool takes: days, units, codes."""
    services = [one for one in draft.services if any(_translated(one, name) for name in one.stated)]
    if not services:
        raise ImpasseError("canonical")
    service = draft.dice.pick(services)
    with draft.speaking(plain=False):
        plan = add(draft, service, extras=0.8)
        while all(str(value) in plan.said for value in plan.arguments.values()):
            plan = add(draft, service, extras=0.8)
    draft.say(plan.said, served(carry_out(draft, plan)))


def _translated(service: Service, name: str) -> bool:
    kind = service.field(name).kind
    return isinstance(kind, Choice | Day) or (isinstance(kind, Amount) and len(kind.units["en"]) > 1)
