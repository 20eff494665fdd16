"""From words back to meanings: exact forms, spotted slots, and how near a text comes to any form at all.

A text is first stripped of leads and openers, then every name in it is replaced by a letter that stands for its
type. What is left is a *skeleton*, and the grammar is a table of skeletons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from textenvs.envs.rewrite.grammar.frames import Clause, Entity, Frame, Intent, Type
from textenvs.envs.rewrite.grammar.skeletons import (
    FIRST_MARK,
    PRIVATE,
    SENTENCE_END,
    Grammar,
    grammar,
    letter_of,
    pairs_of,
)
from textenvs.envs.rewrite.types import Language
from textenvs.rewards.measures import normalize


@dataclass(frozen=True, slots=True)
class Reading:
    """How the service understood a rewrite.

    Attributes:
        clauses: what it asks; empty if that is not clear.
        exact: whether the grammar makes this very wording.
        missing: the type of a slot that was not said; None if all were, or nothing was understood.
        intent: what was asked for, as far as it was understood.
    """

    clauses: Frame = ()
    exact: bool = False
    missing: Type | None = None
    intent: Intent | None = None


class Recognizer:
    """Reads texts of one dialogue.

    Args:
        language: of the dialogue.
        cast: everything that it can talk about.
    """

    def __init__(self, language: Language, cast: Sequence[Entity]) -> None:
        self.language: Language = language
        self._cast = cast

    def read(self, text: str) -> Reading:
        """Understand a rewrite: exactly where the grammar makes it, by its slots and cues otherwise."""
        tables = grammar(self.language)
        readings = [self._read_clause(piece, tables) for piece in _pieces(text, self.language)]
        for reading in readings:
            if not reading.clauses:
                return reading
        clauses = tuple(clause for reading in readings for clause in reading.clauses)
        return Reading(clauses, all(reading.exact for reading in readings), None, readings[0].intent)

    def accepts(self, normal: str, frame: Frame) -> bool:
        """Say whether a normalised text is a complete wording of a meaning, with one of its openers or none."""
        tables = grammar(self.language)
        pieces = PRIVATE.sub("\ufffd", normal).split(tables.joiner)
        if len(pieces) != len(frame):
            return False
        for opener in tables.openers[frame[0].intent.act]:
            if pieces[0].startswith(opener) and self._exact(pieces[0][len(opener) :], tables) == frame[0]:
                rest = zip(pieces[1:], frame[1:], strict=True)
                return all(self._exact(piece, tables) == clause for piece, clause in rest)
        return False

    def fluency(self, text: str) -> float:
        """Return how well-formed a text is, in [0, 1]: 1.0 if the grammar makes it, with or without reductions.

        Anything else gets the sixth power of the greatest share of neighbouring words that it has in common with one
        complete request (Dice's coefficient on bigrams), divided by the number of its sentences; of two requests in
        one text the worse one counts. So a text that merely holds a request, such as a whole conversation, is near 0.
        """
        tables = grammar(self.language)
        pieces = _pieces(text, self.language)
        return min([self._form(piece, tables) for piece in pieces]) if len(pieces) <= 2 else 0.0

    def _form(self, piece: str, tables: Grammar) -> float:
        skeleton, _ = _skeleton(self, piece)
        if skeleton in tables.full or skeleton in tables.reduced:
            return 1.0
        nearest = tables.likeness(pairs_of(skeleton, self.language))
        return nearest**6 / (1 + len(SENTENCE_END.findall(piece))) ** 2

    def skeleton(self, piece: str) -> tuple[str, tuple[Entity, ...]]:
        """Return a text with a letter for every name, and the things named, in order."""
        names = [(key, entity) for entity in self._cast for key in entity.keys if key in piece]
        names.sort(key=_longest_first)
        for mark, (key, _) in enumerate(names, start=FIRST_MARK):
            piece = piece.replace(key, chr(mark))
        marks = PRIVATE.findall(piece)
        named = [names[ord(mark) - FIRST_MARK] for mark in marks]
        for mark, (key, entity) in zip(marks, named, strict=True):
            piece = piece.replace(mark, letter_of(entity.type, entity.forms[entity.keys.index(key)]))
        return piece, tuple([entity for _, entity in named])

    def _exact(self, piece: str, tables: Grammar) -> Clause | None:
        skeleton, found = _skeleton(self, piece)
        entry = tables.full.get(skeleton)
        return None if entry is None else _clause(entry, found)

    def _read_clause(self, piece: str, tables: Grammar) -> Reading:
        skeleton, found = _skeleton(self, piece)
        entry = tables.full.get(skeleton)
        if entry is not None:
            return Reading((_clause(entry, found),), True, None, entry[0])
        return _spot(skeleton, found, tables)


def _longest_first(name: tuple[str, Entity]) -> int:
    return -len(name[0])


_skeleton = lru_cache(maxsize=256)(Recognizer.skeleton)
"""Kept, because an answer is heard by the service and judged twice by the reward."""


@lru_cache(maxsize=256)
def _pieces(text: str, language: Language) -> tuple[str, ...]:
    """Return the requests of a text, each without leads and openers; kept for the same reason."""
    tables = grammar(language)
    normal = PRIVATE.sub("\ufffd", normalize(text, language))
    return tuple([_strip(piece, tables) for piece in normal.split(tables.joiner)])


def _clause(entry: tuple[Intent, tuple[int, ...]], found: Sequence[Entity]) -> Clause:
    intent, order = entry
    fill = dict(zip(order, found, strict=True))
    return Clause(intent, tuple([fill[slot] for slot in range(len(order))]))


def _spot(skeleton: str, found: Sequence[Entity], tables: Grammar) -> Reading:
    """Take the intent whose cue is there and whose slots fit best what was named.

    The intent has to be one that has all the cues of the text in its wordings. A text with cues in several sentences,
    such as a whole conversation, asks for nothing clearly.
    """
    best, best_rank = Reading(), (0, 0, 0)
    there = [cue for cue in tables.cues if cue.text in skeleton]
    sentences = SENTENCE_END.split(skeleton) if there else ()
    asking = [cues for sentence in sentences if (cues := [cue for cue in there if cue.text in sentence])]
    if len(asking) != 1:
        return best
    asked = asking[0][0].holders.intersection(*[cue.holders for cue in asking[0]])
    for cue in asking[0]:
        for intent in cue.intents:
            if intent.number not in asked:
                continue
            fill, missing = _assign(intent, found)
            rank = (len(fill) - abs(len(found) - len(fill)) + 9, len(cue.text), -intent.number)
            if rank > best_rank:
                clauses = () if missing else (Clause(intent, tuple(fill)),)
                best, best_rank = Reading(clauses, False, missing, intent), rank
    return best


def _assign(intent: Intent, found: Sequence[Entity]) -> tuple[list[Entity], Type | None]:
    """Give every slot, in order, a thing of its type; too many of one type are as unclear as too few."""
    fill: list[Entity] = []
    for kind in intent.types:
        candidates = [entity for entity in found if entity.type == kind]
        if len(set(candidates)) != intent.types.count(kind):
            return fill, kind
        fill.append(candidates[intent.types[: len(fill)].count(kind)])
    return fill, None


def _strip(text: str, tables: Grammar) -> str:
    for _ in range(2):
        if not text.startswith(tables.prefixes):
            break
        prefix = next(prefix for prefix in tables.prefixes if text.startswith(prefix))
        text = text[len(prefix) :].lstrip()
    return text
