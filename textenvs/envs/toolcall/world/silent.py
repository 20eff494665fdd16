"""Kinds of tasks in which nothing may be called: ask, refuse or answer."""

from __future__ import annotations

from textenvs.envs.toolcall.world.draft import Draft, Forms, ImpasseError, Truth
from textenvs.envs.toolcall.world.kinds import weekday as name_of
from textenvs.envs.toolcall.world.operations import Operation, operations
from textenvs.envs.toolcall.world.phrases import WEEKDAY, WELCOME, WELCOMES, sentence
from textenvs.envs.toolcall.world.plans import Plan, any_plan, command
from textenvs.envs.toolcall.world.rules import add_harmless, codes, forbid
from textenvs.envs.toolcall.world.spec import Field


def unclear(draft: Draft) -> None:
    """Something required is not said; ask for it."""
    ask_for(draft)


def ask_for(draft: Draft) -> tuple[Plan, str]:
    """Add a request in which a required value is missing; return the whole plan, and what is missing."""
    plan = any_plan(draft, "add")
    draft.offer(plan.operation)
    parts = plan.parts or {}
    required = [one for one in plan.operation.parameters if one.default is None]
    lacking = draft.dice.pick(required)
    said = command(draft.setting, plan.operation, [words for name, words in parts.items() if name != lacking.name])
    others = tuple(one.name for one in required if one.name != lacking.name)
    draft.say(said, Truth(("ask",), "", names=(_forms(lacking),), decoys=others))
    return plan, lacking.name


def _forms(field: Field) -> Forms:
    return (field.name, field.label["zh"], field.label["en"])


def invalid(draft: Draft) -> None:
    """A value cannot be right; say which, and call nothing."""
    plan = any_plan(draft, "add")
    draft.offer(plan.operation)
    given = [one for one in plan.operation.parameters if one.name in plan.arguments]
    wrong = {one.name: one.kind.wrong(draft.setting) for one in given}
    possible = [one for one in given if wrong[one.name]]
    if not possible:
        raise ImpasseError("invalid")
    spoilt = draft.dice.pick(possible)
    words = wrong[spoilt.name]
    parts = {**(plan.parts or {}), spoilt.name: spoilt.clause[draft.setting.language].format(v=words[0])}
    others = tuple(one.name for one in given if one is not spoilt)
    said = command(draft.setting, plan.operation, tuple(parts.values()))
    draft.say(said, Truth(("ask", "refuse"), "", names=(_forms(spoilt), words), decoys=others))


def impossible(draft: Draft) -> None:
    """No tool can do it; say so."""
    withhold(draft)


def withhold(draft: Draft) -> Plan:
    """Add a request for which there is no tool, only others of the same service; return the plan."""
    for _ in range(50):
        plan = any_plan(draft, "add", "change", "drop")
        if plan.operation not in draft.cards:
            break
    else:
        raise ImpasseError("impossible")
    operation = plan.operation
    # What can be removed and made anew needs no tool that changes it.
    detours = [Operation(operation.service, "add", operation.edition)] if operation.verb == "change" else []
    draft.withheld.update([operation, *detours])
    near = [one for one in operations(operation.service, operation.edition) if one not in draft.withheld]
    draft.offer(draft.dice.pick(near))
    draft.say(plan.said, Truth(("refuse",), ""))
    return plan


def forbidden(draft: Draft) -> None:
    """A rule forbids it; refuse with the rule's code."""
    for _ in range(50):
        plan = any_plan(draft, "add", "drop")
        if plan.operation not in draft.cards and (code := forbid(draft, plan)):
            break
    else:
        raise ImpasseError("forbidden")
    draft.offer(plan.operation)
    add_harmless(draft)
    others = tuple(one for one in codes(draft) if one != code)
    draft.say(plan.said, Truth(("refuse",), "", names=((code,),), decoys=others))


def talk(draft: Draft) -> None:
    """Nothing that a tool would help with."""
    setting = draft.setting
    if draft.dice.chance(0.5):
        words = Truth(("answer",), WELCOME[setting.language], names=(WELCOMES[setting.language],))
        draft.say(sentence(setting, "thanks"), words)
        return
    day = name_of(setting.today, setting.language)
    answer = WEEKDAY[setting.language].format(value=day)
    forms = tuple(dict.fromkeys((day, day.replace("星期", "周"), name_of(setting.today, "en"))))
    draft.say(sentence(setting, "weekday"), Truth(("answer",), answer, (forms,)))
