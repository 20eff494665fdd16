"""The generated world: dialogues drawn from a grammar, meaning first and wording second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from textenvs.dice import Dice
from textenvs.envs.rewrite.dials import Dials, dials_of
from textenvs.envs.rewrite.grammar.discourse import Discourse
from textenvs.envs.rewrite.grammar.recognizer import Recognizer
from textenvs.envs.rewrite.grammar.reduction import Utterance, say, say_in_full
from textenvs.envs.rewrite.grammar.surface import surface
from textenvs.envs.rewrite.knowledge import Knowledge
from textenvs.envs.rewrite.planner import Planner
from textenvs.envs.rewrite.service import answer
from textenvs.envs.rewrite.types import Language
from textenvs.seeding import Split

LanguageChoice = Literal["zh", "en", "mixed"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Line:
    """One planned turn in words.

    Attributes:
        said: what the user says.
        gold: the same with nothing left out.
        reply: what the service answers to that.
    """

    said: str
    gold: str
    reply: str


@dataclass(frozen=True, slots=True)
class Item:
    """A dialogue that is about to take place.

    Attributes:
        language: in which it is held.
        utterances: what the user says if nothing goes wrong, those of the prelude included.
        lines: those turns in words.
        discourse: what was mentioned in them.
        prelude: how many of them took place before the agent came in.
        knowledge: what the service knows.
        recognizer: understands texts of this dialogue.
        patience: how many wrong answers make the user leave.
    """

    language: Language
    utterances: tuple[Utterance, ...]
    lines: tuple[Line, ...]
    discourse: Discourse
    prelude: int
    knowledge: Knowledge
    recognizer: Recognizer
    patience: int


@dataclass(frozen=True, slots=True)
class World:
    """Draws dialogues.

    Attributes:
        language: of the dialogues; ``"mixed"`` draws one for each.
        difficulty: a named level, or dials of one's own.
        split: whose names, templates and operator combinations.
    """

    language: LanguageChoice = "mixed"
    difficulty: str | Dials = "medium"
    split: Split = "train"

    def draw(self, generator: np.random.Generator) -> Item:
        """Draw one dialogue; everything random comes from `generator`.

        Raises:
            UnknownNameError: if there is no such difficulty.
        """
        dials, dice = dials_of(self.difficulty), Dice(generator)
        language = dice.pick(LANGUAGES) if self.language == "mixed" else self.language
        prelude, turns = dice.between(*dials.prelude), dice.between(*dials.turns)
        planner = Planner(language, self.split, dials, dice)
        planner.plan(prelude + turns)
        cast = tuple(planner.cast.entities)
        knowledge = Knowledge(language, dice.below(1 << 32), planner.answers, cast)
        return Item(
            language,
            tuple(planner.utterances),
            _lines(planner, knowledge),
            planner.discourse,
            prelude,
            knowledge,
            Recognizer(language, cast),
            dials.patience,
        )


def _lines(planner: Planner, knowledge: Knowledge) -> tuple[Line, ...]:
    tables = surface(knowledge.language)
    lines: list[Line] = []
    for utterance, echo in zip(planner.utterances, planner.echoes, strict=True):
        said = say(tables, utterance)
        gold = say_in_full(tables, utterance) if utterance.reduced else said
        lines.append(Line(said, gold, answer(tables, knowledge, utterance.frame, echo=echo).text))
    return tuple(lines)
