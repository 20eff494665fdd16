"""``textenvs check``: the conformance kit on an environment, registered or one's own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from agents.cli.options import EnvOptions, RewardOptions, search_working_directory
from agents.cli.parse import parse
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from textenvs.checker import Report


@dataclass(frozen=True)
class Options:
    """Check that an environment keeps the rules of a text environment, beyond Gymnasium's own check."""

    target: Annotated[str | None, tyro.conf.Positional] = None
    """An id, or module:Class; the working directory is searched too."""
    env: EnvOptions = field(default_factory=EnvOptions)
    items: int = 12
    """Items that each policy plays."""
    draws: int = 500
    """Items drawn in each split, to see whether they repeat."""
    only: tuple[str, ...] = ()
    """Names of rules; all, if not given."""
    skip: tuple[str, ...] = ()
    """Names of rules to leave out."""
    list_rules: bool = False
    """Print the rules, and check nothing."""
    json: Path | None = None
    """Write the findings to this file too."""
    exploits: bool = False
    """Instead of the rules, play every known way to be paid for what was not done, and harmless variations."""
    margin: float = 0.1
    """With --exploits, how far below the weakest honest answer an exploit must stay."""
    reward: RewardOptions = field(default_factory=RewardOptions)


def run(args: Sequence[str]) -> int:
    """Examine, print the findings, and return 1 if a rule is broken or an exploit pays."""
    options = parse(Options, args, "textenvs check")

    from rich.console import Console

    from agents.cli.console import print_report, print_rules
    from textenvs.checker import check_text_env, select

    if options.list_rules:
        print_rules(Console(), select(options.only, options.skip))
        return 0
    if options.target is None:
        raise UsageError("name what to check: an id, or module:Class, such as textenvs check my_env:MyEnv")
    search_working_directory()
    settings = options.env.settings() | options.reward.settings()
    if options.exploits:
        return int(not _withstands(options.target, settings, options))
    report = check_text_env(
        options.target,
        settings,
        items=options.items,
        draws=options.draws,
        only=options.only,
        skip=options.skip,
    )
    print_report(Console(), report)
    if options.json is not None:
        _write(options.json, report)
    return int(not report.passed)


def _withstands(target: str, settings: Mapping[str, Any], options: Options) -> bool:
    from rich.console import Console

    from agents.cli.exploits import check_exploits

    if options.items < 1:
        raise UsageError(f"--items {options.items}: at least 1")
    if not math.isfinite(options.margin):
        raise UsageError(f"--margin {options.margin}: give a number, such as 0.1")
    return check_exploits(Console(), target, settings, options.items, options.margin)


def _write(path: Path, report: Report) -> None:
    path.write_text(json.dumps(report.as_dict(), indent=2) + "\n", encoding="utf-8")
