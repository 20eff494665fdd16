"""``textenvs list``: every name that the other commands take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from agents.cli.parse import parse


@dataclass(frozen=True)
class Options:
    """List what there is."""

    what: Annotated[Literal["all", "environments", "algorithms", "suites"], tyro.conf.Positional] = "all"
    """Which names."""


def run(args: Sequence[str]) -> int:
    """Print the names and one line about each."""
    what = parse(Options, args, "textenvs list").what
    if what in ("all", "environments"):
        _print("Environments", _environments())
    if what in ("all", "algorithms"):
        _print("Algorithms", _algorithms())
    if what in ("all", "suites"):
        _print("Suites", _suites())
    return 0


def _environments() -> dict[str, str]:
    from envs_registry import ENTRIES

    needs = {entry.id: f" Needs textenvs[{entry.extra}]." if entry.extra else "" for entry in ENTRIES}
    return {entry.id: entry.summary + needs[entry.id] for entry in ENTRIES}


def _algorithms() -> dict[str, str]:
    from agents.algorithms.registry import ALGORITHMS

    return {name: algorithm.title for name, algorithm in ALGORITHMS.items()}


def _suites() -> dict[str, str]:
    from envs_registry.suites import all_suites

    return {
        name: f"v{suite.version} {suite.hash}: {suite.n_items} items in {len(suite.slices)} slices"
        for name, suite in all_suites().items()
    }


def _print(heading: str, names: dict[str, str]) -> None:
    width = max(map(len, names)) + 2
    print(heading)
    for name, summary in names.items():
        print(f"  {name:<{width}}{summary}")
