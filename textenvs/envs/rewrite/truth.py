"""From an utterance in its context to the hidden truth that the reward reads."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence, Set
from functools import cache, cached_property, lru_cache
from itertools import product
from typing import Any, NamedTuple

from textenvs.envs.rewrite.grammar.discourse import Discourse, distance, mentioned
from textenvs.envs.rewrite.grammar.frames import Clause, Frame, Intent
from textenvs.envs.rewrite.grammar.recognizer import Recognizer
from textenvs.envs.rewrite.grammar.reduction import NOTHING, Reduction, Utterance, say_without
from textenvs.envs.rewrite.grammar.surface import Surface, surface
from textenvs.envs.rewrite.grammar.templates import Template
from textenvs.envs.rewrite.types import Language, Restored, RewriteTruth
from textenvs.rewards.measures import normalize, words

Place = tuple[int, int | None]
"""Where something was lost: number of the part, and the slot (None for the predicate)."""


class Situation(NamedTuple):
    """An utterance in its context.

    Attributes:
        utterance: what the user says.
        said: the words of it.
        gold: the same with nothing left out.
        discourse: the turns before it.
        recognizer: of the dialogue.
        texts: everything that was heard so far, the utterance included.
    """

    utterance: Utterance
    said: str
    gold: str
    discourse: Discourse
    recognizer: Recognizer
    texts: tuple[str, ...]

    @property
    def tables(self) -> Surface:
        """The language."""
        return surface(self.recognizer.language)

    @property
    def lost(self) -> tuple[Place, ...]:
        """What was left out, in the order of the complete sentence."""
        return lost_places(self.recognizer.language, self.utterance)


class LazyTruth(RewriteTruth):
    """The hidden truth of a generated utterance, of which each part is worked out when it is first read.

    Most answers of a trained policy are the reference itself, and to see that takes no more than `gold`.

    Args:
        situation: the utterance in its context.
    """

    def __init__(self, situation: Situation) -> None:
        vars(self).update(
            situation=situation,
            language=situation.recognizer.language,
            utterance=situation.said,
            gold=situation.gold,
            frame=situation.utterance.frame,
        )

    @property
    def phrasings(self) -> Sequence[str]:
        """The accepted rewrites but for their openers, which mention nothing."""
        situation: Situation = vars(self)["situation"]
        return [self.gold, *_requests(situation.tables, situation.utterance.frame)]

    def __getattr__(self, name: str) -> Any:
        make = _PARTS.get(name)
        if make is None:
            raise AttributeError(name)
        state = vars(self)
        value = state[name] = make(state["situation"])
        return value


class LazySet(Set[str]):
    """A set that answers what is in it without being made; only iterating makes it."""

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def _all(self) -> frozenset[str]:
        return self._made()

    @abstractmethod
    def _made(self) -> frozenset[str]:
        """Return all of it."""


class Known(LazySet):
    """The words that were heard, the newest text first, those of every wording of a meaning, and function words.

    Words are looked for in one source after the other, so that a text is cut only if something was not in those before.

    Args:
        situation: the utterance in its context.
    """

    def __init__(self, situation: Situation) -> None:
        self._situation = situation

    def __contains__(self, word: object) -> bool:
        return any(word in source for source in self._sources())

    def __rsub__(self, words: Set[str]) -> set[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        left = set(words)
        for source in self._sources():
            left -= source
            if not left:
                break
        return left

    def _sources(self) -> Iterator[frozenset[str]]:
        situation = self._situation
        language = situation.recognizer.language
        for text in reversed(situation.texts):
            yield _words_of(language, text)
        yield from _own_words(language, situation.utterance.frame)
        yield function_words(language)

    def _made(self) -> frozenset[str]:
        return frozenset[str]().union(*self._sources())


class Accepted(LazySet):
    """Every complete wording of a meaning, normalised.

    Membership asks the recognizer and costs the same however many wordings there are; only iterating makes them.

    Args:
        recognizer: of the dialogue.
        frame: the meaning.
        gold: the reference; it may begin with a lead, which the other wordings do not have.
    """

    def __init__(self, recognizer: Recognizer, frame: Frame, gold: str) -> None:
        self._recognizer = recognizer
        self._frame = frame
        self._gold = normalize(gold, recognizer.language)

    def __contains__(self, text: object) -> bool:
        return text == self._gold or (isinstance(text, str) and self._recognizer.accepts(text, self._frame))

    def _made(self) -> frozenset[str]:
        language = self._recognizer.language
        return frozenset(
            [self._gold, *[normalize(text, language) for text in wordings(surface(language), self._frame)]]
        )


def wordings(tables: Surface, frame: Frame) -> Iterator[str]:
    """Yield every complete wording of a meaning: all openers, cores and names."""
    requests = _requests(tables, frame)
    for opener in tables.words.openers[frame[0].intent.act]:
        for request in requests:
            yield tables.sentence(opener.text + request, "")


def _requests(tables: Surface, frame: Frame) -> list[str]:
    """Return every wording of a meaning without an opener: all cores and names."""
    return [tables.words.joiner.join(bodies) for bodies in product(*[_bodies(tables, clause) for clause in frame])]


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


@lru_cache(maxsize=1 << 10)
def _order(language: Language, intent: Intent, core: int, reduction: Reduction) -> tuple[int | None, ...]:
    """Return what a reduction leaves out of a core, in the order of the complete sentence."""
    tables = surface(language)
    template = tables.templates[intent.name][core]
    order: list[int | None] = [slot for slot in template.order if reduction.silent(slot)]
    if reduction.shell is not None:
        order.insert(_before_cue(tables, intent, template, reduction), None)
    return tuple(order)


def _before_cue(tables: Surface, intent: Intent, template: Template, reduction: Reduction) -> int:
    """Return how many of the slots that are left out stand before the predicate's cue."""
    marks = [chr(0xE000 + slot) for slot in range(len(template.holes))]
    text = template.fill(marks).lower()
    at = min(found for cue in tables.words.cues[intent.name] if (found := text.find(cue.lower())) >= 0)
    return sum(reduction.silent(slot) and text.find(mark) < at for slot, mark in enumerate(marks))


def lost_places(language: Language, utterance: Utterance) -> tuple[Place, ...]:
    """Return what was left out of an utterance, in the order of the complete sentence."""
    return tuple(
        [
            (number, slot)
            for number, part in enumerate(utterance.parts)
            if part.reduction is not NOTHING
            for slot in _order(language, part.clause.intent, part.core, part.reduction)
        ]
    )


def _restored(situation: Situation) -> tuple[Restored, ...]:
    return tuple([_restored_one(situation, *place) for place in situation.lost])


def _restored_one(situation: Situation, number: int, slot: int | None) -> Restored:
    utterance, discourse = situation.utterance, situation.discourse
    part = utterance.parts[number]
    intent = part.clause.intent
    if slot is None:
        cues = situation.tables.words.cues[intent.name]
        return Restored("ellipsis", "predicate", cues, (), distance(discourse, intent.name))
    entity = part.clause.fill[slot]
    here = [own for other in utterance.parts for own in other.clause.fill]
    rivals = [name for other in mentioned(discourse, entity.type) if other not in here for name in other.names]
    cut = part.reduction.cut(slot)
    kind = "ellipsis" if cut is None or cut == "zero" else "reference"
    return Restored(kind, intent.slots[slot], entity.names, tuple(rivals), distance(discourse, entity.stem))


def _graded(situation: Situation) -> tuple[str, ...]:
    return tuple([say_without(situation.tables, situation.utterance, *place) for place in situation.lost])


def _kept(situation: Situation) -> tuple[tuple[str, ...], ...]:
    return tuple(_survivors(situation.tables, situation.utterance))


def _accepted(situation: Situation) -> Accepted:
    return Accepted(situation.recognizer, situation.utterance.frame, situation.gold)


def _alike(situation: Situation) -> tuple[tuple[tuple[str, ...], ...], ...]:
    things = dict.fromkeys([entity for part in situation.utterance.parts for entity in part.clause.fill])
    if len(things) < 2:
        return ()
    groups: dict[str, list[tuple[str, ...]]] = {}
    for entity in things:
        groups.setdefault(entity.type, []).append(entity.names)
    return tuple([tuple(group) for group in groups.values() if len(group) > 1])


_PARTS: dict[str, Callable[[Situation], object]] = {
    "accepted": _accepted,
    "fluency": lambda situation: situation.recognizer.fluency,
    "operators": lambda situation: situation.utterance.operators,
    "extra": lambda situation: {},
    "restored": _restored,
    "kept": _kept,
    "known": Known,
    "graded": _graded,
    "alike": _alike,
}


def _survivors(tables: Surface, utterance: Utterance) -> Iterator[tuple[str, ...]]:
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


def _own_words(language: Language, frame: Frame) -> Iterator[frozenset[str]]:
    """Yield the words of every wording of a meaning."""
    for clause in frame:
        yield _intent_words(language, clause.intent.name)
        for entity in clause.fill:
            yield _name_words(language, entity.names)


@lru_cache(maxsize=1 << 9)
def _words_of(language: Language, text: str) -> frozenset[str]:
    return frozenset(words(text, language))


@lru_cache(maxsize=1 << 9)
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
