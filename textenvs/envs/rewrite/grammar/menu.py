"""What a planner may choose from: the templates and operator combinations of one split at one difficulty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from itertools import product

from textenvs.envs.rewrite.grammar.frames import INTENTS, LISTING, NAMING, Intent, Type
from textenvs.envs.rewrite.grammar.language import CUTS, Cut, Shell
from textenvs.envs.rewrite.grammar.surface import Surface, surface
from textenvs.envs.rewrite.types import Language
from textenvs.partition import MODULUS, owner
from textenvs.seeding import Split

_SHELLS: tuple[Shell, ...] = ("vp_ellipsis", "correction", "fragment")
_MOST_SITUATIONS = 1 << 12  # that are kept
_NUMBERS = {name: number for number, name in enumerate((*CUTS, *_SHELLS))}

OPERATORS: tuple[str, ...] = (*CUTS, "vp_ellipsis", "correction")
"""The operators that a planned dialogue can use. (`"fragment"` and ``"complaint"`` are reactions.)"""


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


Need = tuple[Cut, Type]
"""An operator and the type of thing that it needs an antecedent of."""


@dataclass(frozen=True, slots=True)
class Group:
    """Options that can be taken in the same situations.

    Attributes:
        needs: what must have an antecedent.
        options: the choices.
    """

    needs: tuple[Need, ...]
    options: tuple[Option, ...]


class Choice:
    """Groups to choose from. What is feasible is worked out once for every situation, for situations come again.

    Args:
        groups: all of them.
    """

    def __init__(self, groups: Sequence[Group] = ()) -> None:
        self._groups = groups
        self._feasible: dict[frozenset[Need], tuple[Group, ...]] = {}

    def feasible(self, met: frozenset[Need]) -> tuple[Group, ...]:
        """Return the groups all of whose needs are met."""
        found = self._feasible.get(met)
        if found is None:
            found = tuple(group for group in self._groups if met.issuperset(group.needs))
            if len(self._feasible) < _MOST_SITUATIONS:
                self._feasible[met] = found
        return found


@dataclass(frozen=True, slots=True)
class Menu:
    """All options of one split.

    Attributes:
        plain: the wordings without any reduction, of requests that leave something to refer to.
        needs: all needs of all groups, by type.
        reference: groups in which something stands for what is left out.
        ellipsis: groups in which nothing does.
        both: groups in which one slot goes this way and one that.
    """

    plain: tuple[Option, ...]
    needs: Mapping[Type, tuple[Need, ...]]
    reference: Choice
    ellipsis: Choice
    both: Choice


@cache
def menu(language: Language, split: Split, intents: tuple[str, ...], operators: tuple[str, ...]) -> Menu:
    """Return the menu of a split; made once.

    Args:
        language: of the wordings.
        split: whose operator combinations.
        intents: by name.
        operators: the operators in use.
    """
    tables = surface(language)
    plain = [Option(INTENTS[name], core, ()) for name in intents for core in range(MODULUS)]
    reduced = [
        Option(option.intent, option.core, cuts)
        for option in plain
        for cuts in _combinations(tables, option)
        if set(operators).issuperset(_done(cuts)) and in_split(split, option.intent, option.core, _done(cuts))
    ]
    groups: dict[tuple[Need, ...], list[Option]] = {}
    for option in reduced:
        groups.setdefault(_needs(option), []).append(option)
    kinds: dict[tuple[bool, bool], list[Group]] = {}
    for needs, options in groups.items():
        silent = [cut == "zero" for cut, _ in needs]
        kinds.setdefault((all(silent), any(silent)), []).append(Group(needs, tuple(options)))
    by_type: dict[Type, dict[Need, None]] = {}
    for needs in groups:
        for need in needs:
            by_type.setdefault(need[1], {})[need] = None
    return Menu(
        _leading(language, split, plain, reduced, operators),
        {kind: tuple(needs) for kind, needs in by_type.items()},
        Choice(kinds.get((False, False), ())),
        Choice(kinds.get((True, True), ())),
        Choice(kinds.get((False, True), ())),
    )


def _leading(
    language: Language, split: Split, plain: list[Option], reduced: list[Option], operators: tuple[str, ...]
) -> tuple[Option, ...]:
    """Return the complete requests after which something can be left out.

    Those that are answered by a list come three times: without a list there are no ordinals.
    """
    leading: list[Option] = []
    for option in plain:
        intent = option.intent
        shells = [s for s in _SHELLS if s in operators and shell_wordings(language, split, intent, option.core, s)]
        left: set[Type | None] = {*intent.types, NAMING.get(intent.answer)}
        if shells or any(_follows(after, intent, left) for after in reduced):
            leading += [option] * (3 if intent.answer in LISTING else 1)
    return tuple(leading)


def in_split(split: Split, intent: Intent, core: int, operators: tuple[str, ...], wording: int = 0) -> bool:
    """Say whether a split has this combination of operators on this intent and core, in this wording."""
    return owner(intent.number, core, wording, *[_NUMBERS[name] for name in operators]) == split


@cache
def shell_wordings(
    language: Language, split: Split, intent: Intent, core: int, shell: Shell, cut: Cut | None = None
) -> tuple[int, ...]:
    """Return which wordings of a shell, around a slot that is said or cut, a split has for an intent and core."""
    number = len(surface(language).shells(shell, intent.act))
    operators = (shell,) if cut is None else (cut, shell)
    return tuple(wording for wording in range(number) if in_split(split, intent, core, operators, wording))


@cache
def openers(split: Split, intent: Intent, core: int) -> tuple[int, ...]:
    """Return the openers that make, with this core, a template of the split."""
    return tuple(o for o in range(MODULUS) if owner(o, 2 * core, intent.number) == split)


def _combinations(tables: Surface, option: Option) -> list[tuple[Cut | None, ...]]:
    """Return all ways to leave out one or two slots, not both by the same operator."""
    able = tables.cuts[option.intent.name][option.core]
    ways = product(*[(None, *cuts) for cuts in able])
    return [cuts for cuts in ways if 1 <= len(_done(cuts)) <= 2 and len(set(_done(cuts))) == len(_done(cuts))]


def _follows(after: Option, intent: Intent, left: Set[Type | None]) -> bool:
    """Say whether a reduced option can come after an intent that left these types of things, and ask something new."""
    return len(_needs(after)) == 1 and _needs(after)[0][1] in left and (after.intent != intent or len(after.cuts) > 1)


def _needs(option: Option) -> tuple[Need, ...]:
    return tuple((cut, kind) for cut, kind in zip(option.cuts, option.intent.types, strict=True) if cut is not None)


def _done(cuts: tuple[Cut | None, ...]) -> tuple[Cut, ...]:
    return tuple(cut for cut in cuts if cut)
