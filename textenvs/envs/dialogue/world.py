"""The generated world: what there is, and who comes and wants something of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from textenvs.dice import Dice
from textenvs.envs.dialogue.dials import Dials, dials_of, habits_of
from textenvs.envs.dialogue.domains import DOMAINS, Domain
from textenvs.envs.dialogue.knowledge import KnowledgeBase, Wants, has_impossible
from textenvs.envs.dialogue.types import Catalogue, Item, Language, Mood, SlotWords
from textenvs.partition import MODULUS, RESIDUES, owner
from textenvs.seeding import Split, item_generator
from textenvs.users.agenda import Goal
from textenvs.users.core import FREE
from textenvs.users.habits import Habits

LanguageChoice = Literal["zh", "en", "mixed"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class World:
    """Draws dialogues.

    Attributes:
        language: of the dialogues; ``"mixed"`` draws one for each.
        difficulty: a named level, or dials of one's own.
        split: whose names and wordings.
        users: the split whose users come, by their habits; None is `split`.
    """

    language: LanguageChoice = "mixed"
    difficulty: str | Dials = "full"
    split: Split = "train"
    users: Split | None = None

    @property
    def dials(self) -> Dials:
        """The size of the world."""
        return dials_of(self.difficulty)

    @property
    def habits(self) -> Habits:
        """How its users behave."""
        return habits_of(self.users or self.split, self.dials)

    def draw(self, generator: np.random.Generator) -> Item:
        """Draw one dialogue; everything random comes from `generator`."""
        dice, dials, habits = Dice(generator), self.dials, self.habits
        language = dice.pick(LANGUAGES) if self.language == "mixed" else self.language
        kb = draw_kb(dials, dice) if dials.shelves is None else shelf(dials, dice.below(dials.shelves))
        catalogue = name_all(kb, language, self.split, dice)
        mood = self.draw_mood(dice)
        wanted = [draw_goal(kb, habits, dice) for _ in range(habits.draw_number(dice))]
        persona = habits.draw_persona(wanted, mood == "angry", dice)
        return Item(catalogue, persona, mood, habits, self.wordings, dice.below(len(self.wordings) * MODULUS))

    @property
    def wordings(self) -> tuple[int, ...]:
        """Numbers of the wordings that its users use."""
        return RESIDUES[self.users or self.split]

    def draw_mood(self, dice: Dice) -> Mood:
        """Draw how a user talks."""
        if dice.chance(self.habits.angry):
            return "angry"
        return "chatty" if dice.chance(self.habits.chatty) else "calm"


def draw_kb(dials: Dials, dice: Dice) -> KnowledgeBase:
    """Draw candidates, no two of them alike, and how popular each of them is."""
    sizes = (dials.values,) * dials.slots
    rows: set[tuple[int, ...]] = set()
    while len(rows) < dials.candidates:
        rows.add(tuple(dice.below(size) for size in sizes))
    weights = [1.0 + dice.below(3) for _ in rows]
    return KnowledgeBase(sizes, tuple(sorted(rows)), tuple(weight / sum(weights) for weight in weights))


@lru_cache(maxsize=256)
def shelf(dials: Dials, number: int) -> KnowledgeBase:
    """Return one of the few knowledge bases that a small world has."""
    return draw_kb(dials, Dice(item_generator(f"dialogue|shelf|{dials!r}", "train", number)))


def name_all(kb: KnowledgeBase, language: Language, split: Split, dice: Dice) -> Catalogue:
    """Give a knowledge base words: of a domain, with names that belong to the split."""
    domain = dice.pick(DOMAINS[language])
    pairs = zip(domain.slots, kb.sizes, strict=False)
    slots = tuple(SlotWords(slot.name, slot.values[:size], slot.forms) for slot, size in pairs)
    names = _names(domain, language, split, len(kb.rows), dice)
    details = _draw_distinct(9000, len(kb.rows), dice)
    return Catalogue(language, domain.noun, slots, names, tuple(str(1000 + detail) for detail in details), kb)


def draw_goal(kb: KnowledgeBase, habits: Habits, dice: Dice) -> Goal:
    """Draw what a user wants, by the law of `knowledge`, and how it goes about it."""
    if has_impossible(kb, habits.stated) and dice.chance(habits.impossible):
        wants = _draw_impossible(kb, habits.stated, dice)
        return habits.draw_goal(wants, [want != FREE for want in wants], kb.sizes, dice)
    row = kb.rows[dice.weighted(kb.popularity)]
    wants: Wants = tuple(FREE if dice.chance(habits.free) else value for value in row)
    return habits.draw_goal(wants, [dice.chance(habits.stated) for _ in wants], kb.sizes, dice)


def _draw_impossible(kb: KnowledgeBase, stated: float, dice: Dice) -> Wants:
    while True:
        wants = tuple(dice.below(size) if dice.chance(stated) else FREE for size in kb.sizes)
        if not kb.possible(wants):
            return wants


def _names(domain: Domain, language: Language, split: Split, count: int, dice: Dice) -> tuple[str, ...]:
    """Draw names whose parts belong together in this split, no two with the same end."""
    space = " " if language == "en" else ""
    tails = _draw_distinct(len(domain.tails), count, dice)
    names: list[str] = []
    for tail in tails:
        heads = [head for head in range(len(domain.heads)) if owner(head, tail) == split]
        names.append(domain.heads[dice.pick(heads)] + space + domain.tails[tail])
    return tuple(names)


def _draw_distinct(below: int, count: int, dice: Dice) -> list[int]:
    found: dict[int, None] = {}
    while len(found) < count:
        found[dice.below(below)] = None
    return list(itertools.islice(found, count))
