"""What the service knows: one answer to every question, the same whenever it is asked."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from textenvs.envs.rewrite.grammar.frames import LISTING, NAMING, AnswerKind, Clause, Entity
from textenvs.envs.rewrite.grammar.lexicon import LEXICONS
from textenvs.envs.rewrite.types import Language


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The facts of one dialogue's world.

    Facts about things are drawn with the dialogue; figures follow from the seed and the question, so that a
    question which nobody foresaw has an answer too.

    Attributes:
        language: of the answers.
        seed: of the figures.
        things: for questions that were foreseen, the things that the answer names.
        cast: everything in the world.
    """

    language: Language
    seed: int
    things: Mapping[Clause, tuple[Entity, ...]]
    cast: Sequence[Entity]

    def named(self, clause: Clause) -> tuple[Entity, ...]:
        """Return the things that the answer names; empty where it names none or nothing is on record."""
        kind = NAMING.get(clause.intent.answer)
        if kind is None:
            return ()
        if clause in self.things:
            return self.things[clause]
        others = [entity for entity in self.cast if entity.type == kind and entity not in clause.fill]
        if clause.intent.answer in LISTING or not others:
            return ()
        return (others[self._figure(clause) % len(others)],)

    def figure(self, clause: Clause) -> str:
        """Return the number, time or date that answers a question."""
        return _FIGURES[clause.intent.answer](self._figure(clause), self.language)

    def _figure(self, clause: Clause) -> int:
        key = f"{self.seed}|{clause.intent.name}|{'|'.join([entity.stem for entity in clause.fill])}"
        return zlib.crc32(key.encode())


def _clock(number: int) -> str:
    return f"{number % 24:02}:{number // 24 % 60:02}"


def _moment(number: int, language: Language) -> str:
    days = LEXICONS[language].weekdays
    day, clock = days[number // 1440 % len(days)], _clock(number)
    return f"{day}{clock}" if language == "zh" else f"{day} at {clock}"


def _between(low: int, high: int) -> Callable[[int, Language], str]:
    return lambda number, language: str(low + number % (high - low + 1))


_FIGURES: Mapping[AnswerKind, Callable[[int, Language], str]] = {
    "moment": _moment,
    "shipped": _moment,
    "clock": lambda number, language: _clock(number),
    "kilos": lambda number, language: f"{1 + number % 29}.{number // 29 % 10}",
    "money": _between(100, 9999),
    "done": _between(10000, 99999),
    "held": _between(10000, 99999),
    "number": _between(10000000, 99999999),
    "days": _between(2, 9),
    "weather": _between(5, 35),
    "breakfast": _between(20, 199),
    "stock": _between(2, 99),
}
