"""What a planner may choose from: the templates and operator combinations of one split at one difficulty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

from textenvs.envs.rewrite.grammar.frames import INTENTS, Intent
from textenvs.envs.rewrite.grammar.language import CUTS, Cut, Shell
from textenvs.envs.rewrite.grammar.partition import MODULUS, owner
from textenvs.envs.rewrite.grammar.surface import Surface, surface
from textenvs.envs.rewrite.types import Language
from textenvs.seeding import Split

_SHELLS: tuple[Shell, ...] = ("vp_ellipsis", "correction", "fragment")
_NUMBERS = {name: number for number, name in enumerate((*CUTS, *_SHELLS))}


@dataclass(frozen=True, slots=True)
class Option:
    """An intent in one wording with some of its slots left out.

    Attributes:
        intent: what is asked.
        core: which core.
        cuts: for every slot how it is left out, or None.
    """

    intent: Intent
    core: int
    cuts: tuple[Cut | None, ...]


Group = tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Menu:
    """All options of one split, grouped by the operators at work.

    Attributes:
        plain: the wordings without any reduction.
        reference: groups in which something stands for what is left out.
        ellipsis: groups in which nothing does.
        both: groups in which one slot goes this way and one that.
    """

    plain: Group
    reference: tuple[Group, ...]
    ellipsis: tuple[Group, ...]
    both: tuple[Group, ...]


@cache
def menu(language: Language, split: Split, intents: tuple[str, ...], cores: int) -> Menu:
    """Return the menu of a split; made once."""
    tables = surface(language)
    plain = tuple(Option(INTENTS[name], core, ()) for name in intents for core in range(cores))
    groups: dict[tuple[str, ...], list[Option]] = {}
    for option in plain:
        for cuts in _combinations(tables, option):
            operators = tuple(sorted(cut for cut in cuts if cut))
            if in_split(split, option.intent, option.core, operators):
                groups.setdefault(operators, []).append(Option(option.intent, option.core, cuts))
    kinds = {key: (any(o != "zero" for o in key), "zero" in key) for key in sorted(groups)}
    return Menu(
        plain,
        tuple(tuple(groups[key]) for key, kind in kinds.items() if kind == (True, False)),
        tuple(tuple(groups[key]) for key, kind in kinds.items() if kind == (False, True)),
        tuple(tuple(groups[key]) for key, kind in kinds.items() if kind == (True, True)),
    )


def in_split(split: Split, intent: Intent, core: int, operators: tuple[str, ...]) -> bool:
    """Say whether a split has this combination of operators on this intent and core."""
    return owner(intent.number, core, *[_NUMBERS[name] for name in operators]) == split


@cache
def openers(split: Split, intent: Intent, core: int) -> tuple[int, ...]:
    """Return the openers that make, with this core, a template of the split."""
    return tuple(o for o in range(MODULUS) if owner(o, 2 * core, intent.number) == split)


def _combinations(tables: Surface, option: Option) -> list[tuple[Cut | None, ...]]:
    """Return all ways to leave out one or two slots, not both by the same operator."""
    able = tables.cuts[option.intent.name][option.core]
    ways = product(*[(None, *cuts) for cuts in able])
    return [cuts for cuts in ways if 1 <= len(_done(cuts)) <= 2 and len(set(_done(cuts))) == len(_done(cuts))]


def _done(cuts: tuple[Cut | None, ...]) -> list[Cut]:
    return [cut for cut in cuts if cut]
