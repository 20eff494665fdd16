"""The grammar as a table of skeletons: wordings in which every name is a letter that stands for its type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from textenvs.envs.rewrite.grammar.frames import INTENTS, Act, Intent, Type
from textenvs.envs.rewrite.grammar.language import Cut
from textenvs.envs.rewrite.grammar.surface import Surface, surface
from textenvs.envs.rewrite.grammar.templates import Template
from textenvs.envs.rewrite.types import Language
from textenvs.rewards.measures import normalize

IntArray = NDArray[np.integer[Any]]
Pair = tuple[str, str]

# Private-use characters stand for entities (while a text is read) and for types (in skeletons). `normalize`
# leaves them alone; where a text brings its own, they are taken out first.
PRIVATE = re.compile("[\ue000-\uf8ff]")
"""Matches what a text must not bring along."""

SENTENCE_END = re.compile(r"[?!。;]|\.(?!\d)")
"""Matches the end of a sentence, but no decimal point."""

FIRST_MARK = 0xE000
"""The mark of the first name of a dialogue."""

_FIRST_LETTER = 0xF000
_TYPES: dict[Type, int] = {kind: number for number, kind in enumerate(get_args(Type))}
_INFLECTIONS = {"": 0, "plural": 1, "head": 2}


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase that gives intents away.

    Attributes:
        text: the phrase, normalised.
        intents: those that it is a cue of.
        holders: the numbers of all intents that have a wording with it.
    """

    text: str
    intents: tuple[Intent, ...]
    holders: frozenset[int]


@dataclass(frozen=True, slots=True)
class Grammar:
    """The skeletons of one language.

    Attributes:
        full: of complete requests: what they ask, and their slots in order.
        reduced: of requests with something left out.
        prefixes: leads and openers, the longest first.
        openers: of every act, the longest first, with the empty one.
        joiner: what stands between two requests.
        cues: of all intents.
        holders: of every pair of neighbours, which complete skeletons have it: a byte for each, 1 or 0, all of them as
            one number, so that adding those numbers counts for all skeletons at once.
        sizes: [skeletons] how many pairs each has, fewer than a byte counts.
    """

    full: dict[str, tuple[Intent, tuple[int, ...]]]
    reduced: frozenset[str]
    prefixes: tuple[str, ...]
    openers: dict[Act, tuple[str, ...]]
    joiner: str
    cues: tuple[Cue, ...]
    holders: dict[Pair, int]
    sizes: IntArray

    def likeness(self, pairs: Set[Pair]) -> float:
        """Return the greatest share of pairs in common with one complete skeleton: Dice's coefficient, in [0, 1]."""
        shared = sum([held for pair in pairs if (held := self.holders.get(pair))])
        counts = np.frombuffer(shared.to_bytes(len(self.sizes), "little"), np.uint8)
        return 2.0 * float(np.maximum.reduce(counts / (len(pairs) + self.sizes)))


@cache
def letter_of(kind: Type, form: str) -> str:
    """Return what stands for a thing in skeletons; a plural and a bare noun differ from the whole name."""
    return chr(_FIRST_LETTER + 3 * _TYPES[kind] + _INFLECTIONS.get(form, 0))


def pairs_of(skeleton: str, language: Language) -> set[Pair]:
    """Return the pairs of neighbouring words (in Chinese, characters), the edges included."""
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
    pairs = [pairs_of(skeleton, language) for skeleton in full]
    holders: dict[Pair, int] = {}
    for number, own in enumerate(pairs):
        for pair in own:
            holders[pair] = holders.get(pair, 0) + (1 << 8 * number)
    return Grammar(
        full,
        frozenset(reduced),
        _prefixes(tables),
        {
            act: _sorted(normalize(o.text + "x", language)[:-1] for o in openers)
            for act, openers in words.openers.items()
        },
        normalize(words.joiner + "x", language)[:-1],
        _cues(tables, full),
        holders,
        np.array([len(own) for own in pairs]),
    )


def _cues(tables: Surface, full: dict[str, tuple[Intent, tuple[int, ...]]]) -> tuple[Cue, ...]:
    owners: dict[str, list[Intent]] = {}
    for name, cues in tables.words.cues.items():
        for cue in cues:
            owners.setdefault(normalize(cue, tables.language), []).append(INTENTS[name])

    def holders(text: str) -> frozenset[int]:
        return frozenset(intent.number for skeleton, (intent, _) in full.items() if text in skeleton)

    return tuple(Cue(text, tuple(intents), holders(text)) for text, intents in owners.items())


def _filled(tables: Surface, template: Template, intent: Intent) -> str:
    letters = [
        tables.formed(letter_of(kind, hole.form), hole.form)
        for kind, hole in zip(intent.types, template.holes, strict=True)
    ]
    return normalize(template.fill(letters), tables.language)


def _reduced(tables: Surface, intent: Intent, core: int) -> set[str]:
    """Return the skeletons of an intent with any of its slots left out."""
    template = tables.templates[intent.name][core]
    ways: list[list[str]] = []
    for slot, (hole, kind) in enumerate(zip(template.holes, intent.types, strict=True)):
        forms = [tables.formed(letter_of(kind, hole.form), hole.form), ""]
        for cut in tables.cuts[intent.name][core][slot]:
            forms += _stand_ins(tables, kind, template, slot, cut)
        ways.append(forms)
    return {normalize(template.fill(forms), tables.language) for forms in product(*ways)}


def _bare(tables: Surface, template: Template, intent: Intent) -> Iterator[str]:
    """Yield the skeletons in which all slots of an intent are said and its predicate is not."""
    joint = " " if tables.language == "en" else ""
    letters = [
        tables.formed(letter_of(kind, hole.form), hole.form)
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
    things = [letter_of(kind, form) for kind in _TYPES for form in ("", "head")]
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
