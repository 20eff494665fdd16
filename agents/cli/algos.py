"""``textenvs algos``: the algorithms, and what each of them computes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from agents.cli.parse import parse
from agents.cli.settings import Setting, settings_of
from agents.cli.sources import as_toml
from textenvs.errors import UsageError, check_known

if TYPE_CHECKING:
    from agents.algorithms.base import AnyAlgorithm

WIDTH = 100


@dataclass(frozen=True)
class Options:
    """List the algorithms, or show one: its equations, its settings and where it comes from."""

    what: Annotated[Literal["list", "show"], tyro.conf.Positional] = "list"
    """list, or show NAME."""
    name: Annotated[str | None, tyro.conf.Positional] = None
    """An algorithm, or a published relative that is a setting of one."""


def run(args: Sequence[str]) -> int:
    """Print the list or the page."""
    from agents.algorithms.registry import ALGORITHMS

    options = parse(Options, args, "textenvs algos")
    if options.what == "list":
        print("\n".join(_list(ALGORITHMS)))
        return 0
    if options.name is None:
        raise UsageError("name the algorithm, as in: textenvs algos show ppo; textenvs algos lists them")
    print("\n".join(_page(*_find(ALGORITHMS, options.name))))
    return 0


def _list(algorithms: Mapping[str, AnyAlgorithm]) -> Iterator[str]:
    width = 2 + max(map(len, _names(algorithms)))
    for algorithm in algorithms.values():
        yield f"{algorithm.name:<{width}}{algorithm.title}"
        for title in algorithm.variants:
            settings = _changed(algorithm, title)
            yield f"  {_short(title):<{width}}{title}: {algorithm.name} with {_assignments(settings)}"


def _names(algorithms: Mapping[str, AnyAlgorithm]) -> dict[str, tuple[AnyAlgorithm, str]]:
    """Return every name with its algorithm and, for a relative, the relative's title."""
    own = {algorithm.name: (algorithm, "") for algorithm in algorithms.values()}
    relatives = {_short(title): (algorithm, title) for algorithm in algorithms.values() for title in algorithm.variants}
    return own | relatives


def _short(title: str) -> str:
    """Return the name to type for a relative: ``"Dr. GRPO (Liu et al. 2025)"`` is ``dr_grpo``."""
    return re.sub(r"\W+", "_", title.partition(" (")[0].lower())


def _find(algorithms: Mapping[str, AnyAlgorithm], name: str) -> tuple[AnyAlgorithm, str]:
    """Return the algorithm, and the title of the relative if the name is that of one.

    Raises:
        UnknownNameError: if there is neither.
    """
    names = _names(algorithms)
    check_known("algorithm", name, names, "textenvs algos")
    return names[name]


def _page(algorithm: AnyAlgorithm, relative: str) -> Iterator[str]:
    changed = _changed(algorithm, relative)
    if relative:
        yield f"{relative}: {algorithm.name} with {_assignments(changed)}"
    yield f"{algorithm.name}: {algorithm.title}"
    yield f"paper: {algorithm.paper}"
    yield ""
    yield from (f"  {line}" for line in algorithm.equations)
    yield ""
    yield from textwrap.wrap(f"Tested against: {algorithm.oracle}", WIDTH)
    yield ""
    yield "Settings of its own"
    yield from _settings(algorithm, changed)
    others = [] if relative else [f"{name}: {_assignments(_changed(algorithm, name))}" for name in algorithm.variants]
    if others:
        yield from ("", "Relatives that are settings of it", *(f"  {line}" for line in others))
    yield ""
    yield f"train with it: textenvs train {algorithm.name}{_flags(changed)} --env.id MultiTurnRewrite-v0"


def _changed(algorithm: AnyAlgorithm, relative: str) -> dict[str, Any]:
    """Return what a relative sets, by dotted name; nothing for the algorithm itself."""
    own = settings_of(algorithm.config())
    its = settings_of(algorithm.config(**algorithm.variants.get(relative, {})))
    return {name: setting.value for name, setting in its.items() if setting.value != own[name].value}


def _settings(algorithm: AnyAlgorithm, changed: Mapping[str, Any]) -> Iterator[str]:
    """Yield what differs from the settings that all algorithms share: new ones, and other defaults."""
    from agents.algorithms.config import TrainConfig

    shared = {entry.name: entry.default for entry in fields(TrainConfig)}

    def is_shown(setting: Setting) -> bool:
        root, name = setting.name.split(".")[0], setting.name
        return root not in shared or (root == name and setting.value != shared[name]) or name in changed

    shown = [setting for setting in settings_of(algorithm.config()).values() if is_shown(setting)]
    width = 4 + max((len(setting.name) for setting in shown), default=0)
    for setting in shown:
        text = f"{' '.join(setting.help.split())} (default: {changed.get(setting.name, setting.value)})"
        begin = f"  {setting.name}".ljust(width)
        yield from textwrap.wrap(text, WIDTH, initial_indent=begin, subsequent_indent=" " * width)


def _assignments(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={as_toml(value)}" for name, value in settings.items())


def _flags(settings: Mapping[str, Any]) -> str:
    return "".join(f" --set {name}={as_toml(value)}" for name, value in settings.items())
