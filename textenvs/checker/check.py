"""check_text_env: every rule on one environment."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Collection, Mapping
from typing import Any

from textenvs.checker.examination import Examination, Target
from textenvs.checker.report import Report
from textenvs.checker.rule import Rule
from textenvs.checker.rules import RULES
from textenvs.errors import check_known


def check_text_env(
    target: Target,
    env_kwargs: Mapping[str, Any] | None = None,
    *,
    items: int = 12,
    draws: int = 500,
    only: Collection[str] = (),
    skip: Collection[str] = (),
) -> Report:
    """Examine a text environment by all rules, beyond Gymnasium's own check, which is one of them.

    What the environment prints meanwhile is swallowed.

    Args:
        target: an id, ``"module:Class"``, ``"module:Id-v0"``, a class of a module, or an EnvSpec.
        env_kwargs: its settings.
        items: how many items each policy plays.
        draws: how many items are drawn to see whether they repeat, in each split.
        only: names of rules; all, if none is given.
        skip: names of rules to leave out.

    Returns:
        A finding for each rule; `Report.require` raises where one is broken.

    Raises:
        UsageError: if there is no such environment or rule.
    """
    rules = select(only, skip)
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        examination = Examination(target, env_kwargs, items=items, draws=draws)
        findings = tuple(rule.examine(examination) for rule in rules)
    name = target if isinstance(target, str) else str(examination.spec.entry_point)
    return Report(name, findings, time.perf_counter() - start)


def select(only: Collection[str] = (), skip: Collection[str] = ()) -> tuple[Rule, ...]:
    """Return rules by name.

    Raises:
        UnknownNameError: for a name that no rule has.
    """
    names = [rule.name for rule in RULES]
    for name in (*only, *skip):
        check_known("rule", name, names, "textenvs check --list-rules")
    return tuple(rule for rule in RULES if rule.name not in skip and (not only or rule.name in only))
