"""From an utterance in its context to the hidden truth that the reward reads."""

from __future__ import annotations

from collections.abc import Iterator, Set
from functools import cache, cached_property, lru_cache
from itertools import product

from textenvs.envs.rewrite.grammar.discourse import Discourse, distance, mentioned
from textenvs.envs.rewrite.grammar.frames import Clause, Frame
from textenvs.envs.rewrite.grammar.recognizer import Recognizer
from textenvs.envs.rewrite.grammar.reduction import Part, Utterance, say, say_in_full, say_without
from textenvs.envs.rewrite.grammar.surface import Surface, surface
from textenvs.envs.rewrite.types import Language, Restored, RewriteTruth
from textenvs.rewards.measures import normalize, words


def truth_of(
    tables: Surface, utterance: Utterance, discourse: Discourse, recognizer: Recognizer, heard: frozenset[str]
) -> RewriteTruth:
    """Return what the reward has to know about an utterance.

    Args:
        tables: the language.
        utterance: what the user says.
        discourse: the turns before it.
        recognizer: of the dialogue.
        heard: the words of the dialogue up to now, this utterance included.
    """
    said, gold = say(tables, utterance), say_in_full(tables, utterance)
    lost = _lost(tables, utterance, gold)
    normal = frozenset([normalize(gold, tables.language)])
    return RewriteTruth(
        tables.language,
        said,
        gold,
        Accepted(recognizer, utterance.frame, normal),
        tuple([_restored(tables, utterance, discourse, *place) for place in lost]),
        tuple(_kept(tables, utterance)),
        heard.union(function_words(tables.language), *_own_words(tables, utterance.frame)),
        recognizer.fluency,
        tuple([say_without(tables, utterance, *place) for place in lost]),
        utterance.operators,
        utterance.frame,
    )


class Accepted(Set[str]):
    """Every complete wording of a meaning, normalised.

    Membership asks the recognizer and costs the same however many wordings there are; only iterating makes them.

    Args:
        recognizer: of the dialogue.
        frame: the meaning.
        gold: the normalised reference, and whatever else is accepted though the grammar does not make it.
    """

    def __init__(self, recognizer: Recognizer, frame: Frame, gold: frozenset[str]) -> None:
        self._recognizer = recognizer
        self._frame = frame
        self._gold = gold

    def __contains__(self, text: object) -> bool:
        return text in self._gold or (isinstance(text, str) and self._recognizer.accepts(text, self._frame))

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def _all(self) -> frozenset[str]:
        language = self._recognizer.language
        return self._gold | {normalize(text, language) for text in wordings(surface(language), self._frame)}


def wordings(tables: Surface, frame: Frame) -> Iterator[str]:
    """Yield every complete wording of a meaning: all openers, cores and names."""
    first = frame[0].intent.act
    for opener in tables.words.openers[first]:
        for bodies in product(*[_bodies(tables, clause) for clause in frame]):
            yield tables.sentence(opener.text + tables.words.joiner.join(bodies), "")


def _bodies(tables: Surface, clause: Clause) -> list[str]:
    return [
        template.fill(names)
        for template in tables.templates[clause.intent.name]
        for names in product(
            *[
                [tables.formed(name, hole.form) for name in entity.named(hole.form)]
                for entity, hole in zip(clause.fill, template.holes, strict=True)
            ]
        )
    ]


Place = tuple[int, int | None]
"""Where something was lost: number of the part, and the slot (None for the predicate)."""


def _lost(tables: Surface, utterance: Utterance, gold: str) -> list[Place]:
    """Return what was left out, in the order of the complete sentence."""
    places: list[tuple[int, Place]] = []
    for number, part in enumerate(utterance.parts):
        reduction = part.reduction
        if reduction.shell is not None:
            places.append((_cue_at(tables, part, gold), (number, None)))
        for slot, entity in enumerate(part.clause.fill):
            if reduction.silent(slot):
                form = tables.templates[part.clause.intent.name][part.core].holes[slot].form
                places.append((gold.find(entity.named(form)[0]), (number, slot)))
    return [place for _, place in sorted(places, key=_position)]


def _position(item: tuple[int, Place]) -> int:
    return item[0]


def _cue_at(tables: Surface, part: Part, gold: str) -> int:
    lowered = gold.lower()
    found = [lowered.find(cue) for cue in tables.words.cues[part.clause.intent.name]]
    return min((at for at in found if at >= 0), default=len(gold))


def _restored(tables: Surface, utterance: Utterance, discourse: Discourse, number: int, slot: int | None) -> Restored:
    part = utterance.parts[number]
    intent = part.clause.intent
    if slot is None:
        return Restored("ellipsis", "predicate", tables.words.cues[intent.name], (), distance(discourse, intent.name))
    entity = part.clause.fill[slot]
    here = [own for clause in utterance.frame for own in clause.fill if own.type == entity.type]
    others = {other.stem: other.names for other in (*mentioned(discourse, entity.type), *here)}
    rivals = [name for stem, names in others.items() if stem != entity.stem for name in names]
    cut = part.reduction.cut(slot)
    kind = "ellipsis" if cut is None or cut == "zero" else "reference"
    return Restored(kind, intent.slots[slot], entity.names, tuple(rivals), distance(discourse, entity.stem))


def _kept(tables: Surface, utterance: Utterance) -> Iterator[tuple[str, ...]]:
    """Yield what the user did say: things, predicates and negations."""
    for part in utterance.parts:
        intent, reduction = part.clause.intent, part.reduction
        for slot, entity in enumerate(part.clause.fill):
            if not reduction.silent(slot):
                yield entity.names
        if reduction.shell is None:
            yield tables.words.cues[intent.name]
            if intent.act == "forbid":
                yield tables.words.negations


def _own_words(tables: Surface, frame: Frame) -> Iterator[frozenset[str]]:
    """Yield the words of every wording of a meaning."""
    for clause in frame:
        yield _intent_words(tables.language, clause.intent.name)
        for entity in clause.fill:
            yield _name_words(tables.language, entity.names)


@lru_cache(maxsize=1 << 12)
def _name_words(language: Language, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for name in names for word in words(name, language))


@cache
def _intent_words(language: Language, name: str) -> frozenset[str]:
    tables = surface(language)
    texts = [
        template.fill([" " + tables.formed(" ", hole.form) for hole in template.holes])
        for template in tables.templates[name]
    ]
    return frozenset(word for text in texts for word in words(text, language))


@cache
def function_words(language: Language) -> frozenset[str]:
    """Return the words of a language that say nothing by themselves: openers, pronouns, shells, connectors."""
    tables = surface(language).words
    texts = [opener.text for openers in tables.openers.values() for opener in openers]
    texts += [form for forms in tables.references.values() for form in forms]
    shells = (tables.likewise, *tables.shells.values())
    texts += [wording.format(x=" ", bare=" ") for wordings in shells for wording in wordings]
    texts.append(tables.joiner)
    return frozenset(word for text in texts for word in words(text, language))
