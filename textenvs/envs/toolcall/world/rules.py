"""Rules of the house: what the instruction forbids, each with a code that a refusal names."""

from __future__ import annotations

from typing import Any

from textenvs.envs.toolcall.world.cards import noun_of
from textenvs.envs.toolcall.world.draft import Draft
from textenvs.envs.toolcall.world.kinds import Amount
from textenvs.envs.toolcall.world.operations import Operation, operations
from textenvs.envs.toolcall.world.phrases import RULE_DROP, RULE_LIMIT
from textenvs.envs.toolcall.world.plans import Plan
from textenvs.envs.toolcall.world.spec import Field

RULES = 3
"""How many rules there are where there are any: who names every code has named more wrong ones than right ones."""

_LETTERS = "KQRVXZ"


def forbid(draft: Draft, plan: Plan) -> str:
    """Add a rule that forbids a plan, and return its code; ``""`` where no rule could."""
    if plan.operation.verb == "drop":
        return _write(draft, RULE_DROP, plan.operation)
    limited = limit_of(plan.operation)
    if limited is None or not isinstance(limited.kind, Amount) or limited.name not in plan.arguments:
        return ""
    limit = plan.arguments[limited.name] - limited.kind.step
    return _write(draft, RULE_LIMIT, plan.operation, limited, limit) if limit >= limited.kind.low else ""


def limit_of(operation: Operation) -> Field | None:
    """Return the parameter that a rule can limit; None without one."""
    return next((one for one in operation.parameters if isinstance(one.kind, Amount)), None)


def add_harmless(draft: Draft) -> None:
    """Add rules, up to `RULES`, that forbid nothing that was asked for."""
    asked = {operation for stage in draft.stages for operation, _ in stage.gold}
    drops = [
        one
        for service in draft.services
        for one in operations(service, draft.edition(service))
        if one.verb == "drop" and one not in asked and one not in draft.withheld and one not in draft.ruled
    ]
    while len(draft.rules) < RULES:
        if _allow_narrowly(draft):
            continue
        if not drops:
            return
        _write(draft, RULE_DROP, drops.pop(draft.dice.below(len(drops))))


def _allow_narrowly(draft: Draft) -> bool:
    """Add a rule whose limit lies above all that was asked for; say whether there was one."""
    used: dict[Operation, list[Any]] = {}
    for stage in draft.stages:
        for operation, arguments in stage.gold:
            limited = limit_of(operation)
            if operation.verb == "add" and limited is not None and operation not in draft.ruled:
                used.setdefault(operation, []).append(arguments.get(limited.name, limited.default))
    if not used:
        return False
    operation = draft.dice.pick(tuple(used))
    limited = limit_of(operation)
    if limited is None or not isinstance(limited.kind, Amount):
        return False
    _write(draft, RULE_LIMIT, operation, limited, max(used[operation]) + limited.kind.step * draft.dice.between(0, 3))
    return True


def _write(draft: Draft, wording: Any, operation: Operation, limited: Field | None = None, limit: int = 0) -> str:
    """Write a rule down under a new code, and return the code."""
    language, service = draft.setting.language, operation.service
    code = _code(draft)
    while code in codes(draft):
        code = _code(draft)
    line = wording[language].format(
        code=code,
        noun=noun_of(service, operation.edition, language),
        label=limited.label[language] if limited else "",
        limit="" if limited is None else limited.kind.forms(limit, language)[0],
        act=service.acts[operation.verb][language],
    )
    draft.rules.insert(draft.dice.below(len(draft.rules) + 1), line)
    draft.ruled.add(operation)
    return code


def codes(draft: Draft) -> tuple[str, ...]:
    """Return the codes of all rules."""
    return tuple(line[:2] for line in draft.rules)


def _code(draft: Draft) -> str:
    return draft.dice.pick(_LETTERS) + str(draft.dice.between(1, 9))
