"""The generated world: draws whole episodes, with a gold program that was executed."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from textenvs.dice import Dice
from textenvs.envs.toolcall.types import Language, Task
from textenvs.envs.toolcall.world import calling, dialogues, lists, silent, trouble
from textenvs.envs.toolcall.world.cards import Card
from textenvs.envs.toolcall.world.database import Database, Row
from textenvs.envs.toolcall.world.dials import CALLING, SILENT, Dials, dials_of
from textenvs.envs.toolcall.world.draft import Draft, ImpasseError, Scenario, Stage
from textenvs.envs.toolcall.world.kinds import Setting, weekday
from textenvs.envs.toolcall.world.operations import Operation, operations
from textenvs.envs.toolcall.world.phrases import RULES, TODAY
from textenvs.envs.toolcall.world.rules import add_harmless
from textenvs.envs.toolcall.world.spec import Service
from textenvs.errors import ConfigError
from textenvs.seeding import Split

LanguageChoice = Literal["zh", "en", "mixed"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

SCENARIOS: Mapping[str, Scenario] = {
    **{name: getattr(calling, name) for name in ("single", "choice", "parallel", "chain")},
    **{name: getattr(calling, name) for name in ("defaults", "canonical")},
    **{name: getattr(lists, name) for name in ("pages", "partial")},
    **{name: getattr(dialogues, name) for name in ("pronoun", "missing", "withheld", "undo", "repeat")},
    **{name: getattr(trouble, name) for name in ("retry", "detour", "planted")},
    **{name: getattr(silent, name) for name in SILENT},
}
"""How each kind of task is made."""

LAST = frozenset(["withheld", "impossible", "forbidden"])
"""Kinds that say what must not be done in the whole episode, so that nothing can come after them."""

FIRST = "planted"
"""The kind that changes what records began with, so that nothing can come before it."""

_FIRST_DAY = datetime.date(2031, 1, 6)
_DAYS = 330
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Item:
    """An episode before it is played.

    Attributes:
        language: that is spoken.
        kinds: of tasks, in order.
        tasks: one for every message of the user, in order.
        stages: what belongs to each.
        cards: the tools on offer.
        first_ids: see `Database`.
        records: that are there before anybody writes, by service.
        brief: whether instruction and schemas are short.
        patience: how many requests may go wrong before the user leaves.
    """

    language: Language
    kinds: tuple[str, ...]
    tasks: tuple[Task, ...]
    stages: tuple[Stage, ...]
    cards: tuple[Card, ...]
    first_ids: int
    records: Mapping[Service, Sequence[Row]]
    brief: bool
    patience: int

    def database(self, served: int = 0) -> Database:
        """Return the database as it is at the beginning, or once the gold program of some requests has run.

        Args:
            served: how many requests.
        """
        database = Database(self.first_ids)
        for service, rows in self.records.items():
            database.create(service, rows)
        for stage in self.stages[:served]:
            stage.run(database)
        return database


@dataclass(frozen=True, slots=True)
class World:
    """Draws episodes.

    Attributes:
        language: of the episodes; ``"mixed"`` draws one for each.
        difficulty: a named level, or dials of one's own.
        split: whose names, wordings and names of tools.
    """

    language: LanguageChoice = "mixed"
    difficulty: str | Dials = "medium"
    split: Split = "train"

    def draw(self, generator: np.random.Generator) -> Item:
        """Draw one episode; everything random comes from `generator`.

        Raises:
            UnknownNameError: if there is no such difficulty.
            ConfigError: if the dials allow no task.
        """
        dials, dice = dials_of(self.difficulty), Dice(generator)
        language = dice.pick(LANGUAGES) if self.language == "mixed" else self.language
        for _ in range(_ATTEMPTS):
            today = _FIRST_DAY + datetime.timedelta(days=dice.below(_DAYS))
            draft = Draft(Setting(language, self.split, dice, today, plain=dice.chance(dials.plain)), dials)
            kinds = _play_out(draft)
            if kinds:
                return _finished(draft, kinds)
        raise ConfigError(f"{dials!r} allow no task: none of these kinds can be made of these services")


def _play_out(draft: Draft) -> tuple[str, ...]:
    """Add tasks to the draft; return their kinds, none if there is none that the episode was meant to have."""
    dice, dials = draft.dice, draft.dials
    silent_only = dice.chance(dials.silent)
    meant = [kind for kind in dials.kinds if (kind in SILENT) == silent_only]
    pool = meant if silent_only else dials.kinds
    kinds = [dice.pick(meant), *(dice.pick(pool) for _ in range(dice.between(*dials.requests) - 1))]
    last = [kind for kind in kinds if kind in LAST]
    ordered = sorted((kind for kind in kinds if kind not in LAST), key=FIRST.__ne__) + last[:1]
    made = tuple(kind for kind in ordered if _made(draft, kind))
    return made if silent_only or any(kind in CALLING for kind in made) else ()


def _made(draft: Draft, kind: str) -> bool:
    """Add a task of this kind; say whether that was possible."""
    try:
        SCENARIOS[kind](draft)
    except ImpasseError:
        draft.abandon()
        return False
    return True


def _finished(draft: Draft, kinds: tuple[str, ...]) -> Item:
    """Return the item: rules written, tools filled up, the gold program executed from the beginning."""
    if draft.rules or draft.dice.chance(draft.dials.rules):
        add_harmless(draft)
    _fill_up(draft)
    cards = [*draft.cards.values(), *draft.spares.values()]
    return Item(
        draft.setting.language,
        kinds,
        _tasks(draft),
        tuple(draft.stages),
        tuple(cards[place] for place in _shuffled(draft, len(cards))),
        draft.first_ids,
        draft.initial,
        draft.dials.brief,
        draft.dials.patience,
    )


def _fill_up(draft: Draft) -> None:
    """Offer tools that nobody needs, those most like the needed ones first."""
    least, most = draft.dials.tools
    wanted = most if draft.crowded else draft.dice.between(least, most)
    for one in _alike(draft):
        if len(draft.cards) + len(draft.spares) >= wanted:
            return
        if one not in draft.withheld:
            draft.offer(one)


def _alike(draft: Draft) -> Iterator[Operation]:
    """Yield operations, those that are most like the needed ones first."""
    needed = list(draft.cards)
    for one in needed:
        yield from (Operation(one.service, one.verb, edition, one.field) for edition in one.service.editions)
    for one in needed:
        yield from operations(one.service, one.edition)
    for place in _shuffled(draft, len(draft.services)):
        service = draft.services[place]
        yield from operations(service, draft.edition(service))


def _shuffled(draft: Draft, count: int) -> list[int]:
    return sorted(range(count), key=[draft.dice.unit() for _ in range(count)].__getitem__)


def _tasks(draft: Draft) -> tuple[Task, ...]:
    """Return the tasks, each with the state that the gold program has left behind."""
    told = _told(draft)
    return tuple(
        replace(task, expectation=replace(task.expectation, state=state), context=told)
        for task, state in zip(draft.tasks, draft.states, strict=True)
    )


def _told(draft: Draft) -> str:
    """Return what the agent is told beside the instruction: the date, and the rules."""
    setting = draft.setting
    date = setting.today.isoformat()
    today = TODAY[setting.language].format(date=date, weekday=weekday(setting.today, setting.language))
    return "\n".join([today, *([RULES[setting.language], *draft.rules] if draft.rules else [])])
