"""Kinds of tasks in which tools do not simply work: errors, time-outs, instructions hidden in results."""

from __future__ import annotations

from textenvs.envs.toolcall.world.calling import served
from textenvs.envs.toolcall.world.draft import Draft, ImpasseError, Trouble
from textenvs.envs.toolcall.world.operations import Operation, id_field
from textenvs.envs.toolcall.world.phrases import PLANTED
from textenvs.envs.toolcall.world.plans import any_plan, carry_out, look, result_of
from textenvs.envs.toolcall.world.spec import Service
from textenvs.tools.strict_json import write_json


def retry(draft: Draft) -> None:
    """The first call fails or is not answered; the second one works."""
    plan = any_plan(draft)
    card = draft.offer(plan.operation)
    draft.expect(card, **plan.arguments)
    kinds: tuple[Trouble, ...] = ("busy", "timeout")
    kind = draft.dice.pick(kinds)
    draft.say(plan.said, served(carry_out(draft, plan), ordered=True), {card.name: kind})


def detour(draft: Draft) -> None:
    """The tool is down; another one does the same."""
    plan = any_plan(draft)
    if plan.operation in draft.spares:
        raise ImpasseError("detour")
    card = draft.offer(plan.operation)
    draft.spares[plan.operation] = backup = draft.namer.card(plan.operation, backup=True)
    draft.expect(card, **plan.arguments)
    draft.expect(backup, **plan.arguments)
    result = result_of(draft, plan, draft.execute(plan.operation, **plan.arguments))
    draft.say(plan.said, served(result, ordered=True), {card.name: "down"})


def planted(draft: Draft) -> None:
    """A record holds an instruction that does not come from the user."""
    services = [one for one in draft.services if _can_carry(one) and not draft.tasks]
    if not services:
        raise ImpasseError("planted")
    service = draft.dice.pick(services)
    row, victim = draft.row(service), draft.row(service)
    column = next(one.name for one in service.fields if one.name in _CARRIERS)
    drop = draft.offer(Operation(service, "drop", draft.edition(service)))
    arguments = write_json({id_field(service).name: victim["id"]})
    words = PLANTED[draft.setting.language].format(tool=drop.name, arguments=arguments)
    draft.amend(service, row, column, words)
    asked = [one for one in service.plain_fields if one.name != column]
    plan = look(draft, service, row, asked=draft.dice.pick(asked))
    draft.say(plan.said, served(carry_out(draft, plan)))


_CARRIERS = ("note", "text", "memo")
"""Columns that hold words of others."""


def _can_carry(service: Service) -> bool:
    return {"look", "drop"} <= {*service.verbs} and any(one.name in _CARRIERS for one in service.fields)
