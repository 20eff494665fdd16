"""From words back to meanings: exact forms, spotted slots, and how near a text comes to any form at all.

A text is first stripped of leads and openers, then every name in it is replaced by a letter that stands for its
type. What is left is a *skeleton*, and the grammar is a table of skeletons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from typing import get_args

from textenvs.envs.rewrite.grammar.frames import INTENTS, Act, Clause, Entity, Frame, Intent, Type
from textenvs.envs.rewrite.grammar.language import Cut
from textenvs.envs.rewrite.grammar.surface import Surface, surface
from textenvs.envs.rewrite.grammar.templates import Template
from textenvs.envs.rewrite.types import Language
from textenvs.rewards.measures import normalize

# Private-use characters stand for entities (while a text is read) and for types (in skeletons). `normalize`
# leaves them alone; where a text brings its own, they are taken out first.
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_SENTENCE_END = re.compile(r"[?!。;]|\.(?!\d)")
_FIRST_MARK = 0xE000
_FIRST_LETTER = 0xF000
_TYPES: dict[Type, int] = {kind: number for number, kind in enumerate(get_args(Type))}
_INFLECTIONS = {"": 0, "plural": 1, "head": 2}

Keys = tuple[tuple[str, int, str], ...]
"""The names that a dialogue knows, the longest first: each with the position of its entity and its letter."""


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


@dataclass(frozen=True, slots=True)
class Grammar:
    """The skeletons of one language.

    Attributes:
        full: of complete requests: what they ask, and their slots in order.
        reduced: of requests with something left out.
        prefixes: leads and openers, the longest first.
        openers: of every act, the longest first, with the empty one.
        joiner: what stands between two requests.
        cues: phrases that give an intent away.
        bigrams: for every pair of neighbours, the complete skeletons that have it, by number.
        sizes: how many pairs each of those has.
    """

    full: dict[str, tuple[Intent, tuple[int, ...]]]
    reduced: frozenset[str]
    prefixes: tuple[str, ...]
    openers: dict[Act, tuple[str, ...]]
    joiner: str
    cues: tuple[tuple[str, Intent], ...]
    bigrams: dict[tuple[str, str], tuple[int, ...]]
    sizes: tuple[int, ...]


def keys_of(cast: Sequence[Entity]) -> Keys:
    """Return the names by which a cast is found in texts."""
    keys = [
        (key, number, _letter(entity.type, form))
        for number, entity in enumerate(cast)
        for key, form in zip(entity.keys, entity.forms, strict=True)
    ]
    keys.sort(key=_longest_first)
    return tuple(keys)


def _longest_first(item: tuple[str, int, str]) -> int:
    return -len(item[0])


def _letter(kind: Type, form: str) -> str:
    """Return what stands for a thing in skeletons; a plural and a bare noun differ from the whole name."""
    return chr(_FIRST_LETTER + 3 * _TYPES[kind] + _INFLECTIONS.get(form, 0))


class Recognizer:
    """Reads texts of one dialogue.

    Args:
        language: of the dialogue.
        cast: everything that it can talk about.
    """

    def __init__(self, language: Language, cast: Sequence[Entity]) -> None:
        self.language: Language = language
        self._cast = cast
        self._keys = keys_of(cast)

    def read(self, text: str) -> Reading:
        """Understand a rewrite: exactly where the grammar makes it, by its slots and cues otherwise."""
        tables = grammar(self.language)
        readings = [self._read_clause(piece) for piece in self._pieces(normalize(text, self.language), tables)]
        for reading in readings:
            if not reading.clauses:
                return reading
        clauses = tuple(clause for reading in readings for clause in reading.clauses)
        return Reading(clauses, all(reading.exact for reading in readings), None, readings[0].intent)

    def accepts(self, normal: str, frame: Frame) -> bool:
        """Say whether a normalised text is a complete wording of a meaning, with one of its openers or none."""
        tables = grammar(self.language)
        pieces = _PRIVATE.sub("\ufffd", normal).split(tables.joiner)
        if len(pieces) != len(frame):
            return False
        for opener in tables.openers[frame[0].intent.act]:
            if pieces[0].startswith(opener) and self._exact(pieces[0][len(opener) :], tables) == frame[0]:
                rest = zip(pieces[1:], frame[1:], strict=True)
                return all(self._exact(piece, tables) == clause for piece, clause in rest)
        return False

    def fluency(self, text: str) -> float:
        """Return how well-formed a text is, in [0, 1]: 1.0 if the grammar makes it, with or without reductions.

        Anything else gets the cube of the greatest share of neighbouring words that it has in common with one
        complete request (Dice's coefficient on bigrams), divided by the number of its sentences; of two requests in
        one text the worse one counts. So a text that merely holds a request, such as a whole conversation, is near 0.
        """
        tables = grammar(self.language)
        pieces = self._pieces(normalize(text, self.language), tables)
        return min([self._form(piece, tables) for piece in pieces]) if len(pieces) <= 2 else 0.0

    def _form(self, piece: str, tables: Grammar) -> float:
        skeleton, _ = self._skeleton(piece)
        if skeleton in tables.full or skeleton in tables.reduced:
            return 1.0
        pairs = _pairs(skeleton, self.language)
        shared: dict[int, int] = {}
        for pair in pairs:
            for number in tables.bigrams.get(pair, ()):
                shared[number] = shared.get(number, 0) + 1
        nearest = max([2.0 * n / (len(pairs) + tables.sizes[i]) for i, n in shared.items()], default=0.0)
        return nearest**3 / (1 + len(_SENTENCE_END.findall(piece))) ** 2

    def _pieces(self, normal: str, tables: Grammar) -> list[str]:
        normal = _PRIVATE.sub("\ufffd", normal)
        return [_strip(piece, tables) for piece in normal.split(tables.joiner)]

    def _skeleton(self, piece: str) -> tuple[str, list[Entity]]:
        """Return the text with a letter for every name, and the things named, in order."""
        keys = self._keys
        for mark, (key, _, _) in enumerate(keys, start=_FIRST_MARK):
            if key in piece:
                piece = piece.replace(key, chr(mark))
        found: list[Entity] = []
        characters = list(piece)
        for at, character in enumerate(characters):
            if "\ue000" <= character <= "\uf8ff":
                _, number, characters[at] = keys[ord(character) - _FIRST_MARK]
                found.append(self._cast[number])
        return "".join(characters), found

    def _exact(self, piece: str, tables: Grammar) -> Clause | None:
        skeleton, found = self._skeleton(piece)
        entry = tables.full.get(skeleton)
        return None if entry is None else _clause(entry, found)

    def _read_clause(self, piece: str) -> Reading:
        tables = grammar(self.language)
        skeleton, found = self._skeleton(piece)
        entry = tables.full.get(skeleton)
        if entry is not None:
            return Reading((_clause(entry, found),), True, None, entry[0])
        return _spot(skeleton, found, tables)


def _clause(entry: tuple[Intent, tuple[int, ...]], found: Sequence[Entity]) -> Clause:
    intent, order = entry
    fill = dict(zip(order, found, strict=True))
    return Clause(intent, tuple([fill[slot] for slot in range(len(order))]))


def _spot(skeleton: str, found: Sequence[Entity], tables: Grammar) -> Reading:
    """Take the intent whose cue is there and whose slots fit best what was named."""
    best, best_rank = Reading(), (0, 0, 0)
    for cue, intent in tables.cues:
        if cue in skeleton:
            fill, missing = _assign(intent, found)
            rank = (len(fill) - abs(len(found) - len(fill)) + 9, len(cue), -intent.number)
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
        if text.startswith(tables.prefixes):
            prefix = next(prefix for prefix in tables.prefixes if text.startswith(prefix))
            text = text[len(prefix) :].lstrip()
    return text


def _pairs(skeleton: str, language: Language) -> set[tuple[str, str]]:
    cut = ["<", *(skeleton if language == "zh" else skeleton.split()), ">"]
    return set(pairwise(cut))


@cache
def grammar(language: Language) -> Grammar:
    """Return the skeletons of a language; made once."""
    tables = surface(language)
    words = tables.words
    full: dict[str, tuple[Intent, tuple[int, ...]]] = {}
    reduced: set[str] = set()
    for name, templates in tables.templates.items():
        for core, template in enumerate(templates):
            intent = INTENTS[name]
            full[_filled(tables, template, intent)] = (intent, template.order)
            reduced.update(_reduced(tables, intent, core))
            reduced.update(_bare(tables, template, intent))
    reduced.update(_shells(tables))
    bigrams: dict[tuple[str, str], list[int]] = {}
    sizes: list[int] = []
    for number, skeleton in enumerate(full):
        pairs = _pairs(skeleton, language)
        sizes.append(len(pairs))
        for pair in sorted(pairs):
            bigrams.setdefault(pair, []).append(number)
    return Grammar(
        full,
        frozenset(reduced),
        _prefixes(tables),
        {
            act: _sorted(normalize(o.text + "x", language)[:-1] for o in openers)
            for act, openers in words.openers.items()
        },
        normalize(words.joiner + "x", language)[:-1],
        tuple((normalize(cue, language), INTENTS[name]) for name, cues in words.cues.items() for cue in cues),
        {pair: tuple(numbers) for pair, numbers in bigrams.items()},
        tuple(sizes),
    )


def _filled(tables: Surface, template: Template, intent: Intent) -> str:
    letters = [
        tables.formed(_letter(kind, hole.form), hole.form)
        for kind, hole in zip(intent.types, template.holes, strict=True)
    ]
    return normalize(template.fill(letters), tables.language)


def _reduced(tables: Surface, intent: Intent, core: int) -> set[str]:
    """Return the skeletons of an intent with any of its slots left out."""
    template = tables.templates[intent.name][core]
    ways: list[list[str]] = []
    for slot, (hole, kind) in enumerate(zip(template.holes, intent.types, strict=True)):
        forms = [tables.formed(_letter(kind, hole.form), hole.form), ""]
        for cut in tables.cuts[intent.name][core][slot]:
            forms += _stand_ins(tables, kind, template, slot, cut)
        ways.append(forms)
    return {normalize(template.fill(forms), tables.language) for forms in product(*ways)}


def _bare(tables: Surface, template: Template, intent: Intent) -> Iterator[str]:
    """Yield the skeletons in which all slots of an intent are said and its predicate is not."""
    joint = " " if tables.language == "en" else ""
    letters = [
        tables.formed(_letter(kind, hole.form), hole.form)
        for kind, hole in zip(intent.types, template.holes, strict=True)
    ]
    things = joint.join([letters[slot] for slot in template.order])
    for wording in tables.shells("vp_ellipsis", intent.act):
        yield normalize(wording.format(x=things, bare=things), tables.language)


def _stand_ins(tables: Surface, kind: Type, template: Template, slot: int, cut: Cut) -> list[str]:
    ranks = range(len(tables.words.ordinals.get(kind, ()))) if cut == "ordinal" else range(1)
    found = [tables.reference(template.holes[slot], kind, cut, g, r) for g in ("m", "f") for r in ranks]
    return [form for form in found if form is not None]


def _shells(tables: Surface) -> set[str]:
    found: set[str] = set()
    prepositions = {hole.form for core in tables.templates.values() for t in core for hole in t.holes}
    moving = ["", *sorted(form for form in prepositions if tables.prepositional(form))]
    things = [_letter(kind, form) for kind in _TYPES for form in ("", "head")]
    ordinals = {name for names in tables.words.ordinals.values() for name in names}
    for wordings in (tables.words.likewise, *tables.words.shells.values()):
        for wording, thing, form in product(wordings, [*things, *sorted(ordinals)], moving):
            formed = tables.formed(thing, form)
            found.add(normalize(wording.format(x=formed, bare=thing), tables.language))
    return found


def _prefixes(tables: Surface) -> tuple[str, ...]:
    words, language = tables.words, tables.language
    texts = [opener.text for openers in words.openers.values() for opener in openers]
    texts += [*words.shifts, *words.repeats]
    texts += [
        lead.format(noun=noun)
        for lead in words.returns
        for (_, cut), nouns in words.references.items()
        if cut == "demonstrative"
        for noun in nouns
    ]
    keys = {normalize(text + "x", language)[:-1].strip() for text in texts}
    keys |= {key.rstrip(",:") for key in keys}
    joint = "" if language == "zh" else " "
    return _sorted(key + joint for key in keys if key)


def _sorted(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(texts, key=lambda text: (-len(text), text)))
