"""What the reward looks up, derived once from a `RewriteTruth`.

Texts are compared as sequences of words (`measures.words`). A *mention* is an occurrence of a surface form of an
entity that matters: one that was removed, or one of its rivals. Longer forms win, so "上海站" is no mention of "上海".
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from functools import cached_property, lru_cache

from textenvs.envs.rewrite.types import Language, Restored, RewriteTruth
from textenvs.rewards.measures import hidden, repeated_tokens, words

NEGATIONS: dict[Language, frozenset[str]] = {
    "zh": frozenset("不没别无非未勿莫甭"),
    "en": frozenset(["not", "n't", "no", "never", "without", "nobody", "nothing", "none", "neither", "nor"]),
}
"""Words that turn a statement into its opposite."""

Form = tuple[str, ...]


@lru_cache(maxsize=1 << 10)
def forms_of(surfaces: tuple[str, ...], language: Language) -> tuple[Form, ...]:
    """Return surface forms as words. Kept, because those of a world come again and again."""
    return tuple([tuple(words(surface, language)) for surface in surfaces])


@lru_cache(maxsize=1 << 10)
def _spellings(surfaces: tuple[str, ...], language: Language) -> tuple[str, ...]:
    """Return surface forms as they stand in `Text.spelled`."""
    return tuple([_spell(form) for form in forms_of(surfaces, language)])


def _spell(text: Iterable[str]) -> str:
    """Join words with a space on both sides of each, so that one text holds another only as whole words."""
    return f" {'  '.join(text)} "


class Text:
    """A text as words, ready to be asked what it holds.

    Args:
        text: the words.

    Attributes:
        words: as given.
        spelled: the words as one string, by `_spell`.
    """

    def __init__(self, text: list[str]) -> None:
        self.words = text
        self.spelled = _spell(text)

    def first(self, forms: Iterable[str]) -> int:
        """Return where in `spelled` the first of some forms begins; -1 if the text holds none of them."""
        return min([at for at in map(self.spelled.find, forms) if at >= 0], default=-1)


class Mentions:
    """Finds mentions in a text.

    Args:
        slots: what was removed.
        alike: as in `RewriteTruth`.
        language: of the texts.

    Attributes:
        entity: of each slot, by position; slots that share an alias share the entity.
        alike: the entities of each group.
        family: of each slot: its entity, its rivals and those alike; empty where there are no others.
    """

    def __init__(
        self, slots: Sequence[Restored], alike: Iterable[Iterable[tuple[str, ...]]], language: Language
    ) -> None:
        self._language: Language = language
        self._owner: dict[Form, int] = {}
        self._entities = 0
        self.entity = [self._claim(forms_of(slot.aliases, language)) for slot in slots]
        self.alike = [frozenset([self._claim(forms_of(names, language)) for names in group]) for group in alike]
        self.family = [self._family(own, slot.rivals) for own, slot in zip(self.entity, slots, strict=True)]
        self._by_first: dict[str, list[tuple[Form, int]]] = {}
        for form, entity in sorted(self._owner.items(), key=_longest_first):
            self._by_first.setdefault(form[0], []).append((form, entity))

    def _claim(self, forms: Iterable[Form]) -> int:
        """Give all forms to one entity: the one that owns one of them already, or a new one."""
        owner, entity = self._owner, self._entities
        for form in forms:
            if form in owner:
                entity = owner[form]
                break
        self._entities += entity == self._entities
        for form in forms:
            if form:
                owner.setdefault(form, entity)
        return entity

    def _family(self, own: int, rivals: tuple[str, ...]) -> frozenset[int]:
        beside = [entity for group in self.alike if own in group for entity in group]
        family = frozenset([own, *[self._claim((form,)) for form in forms_of(rivals, self._language)], *beside])
        return family if len(family) > 1 else frozenset()

    def find(self, text: Sequence[str]) -> list[int]:
        """Return the entities that a text mentions, in order, without overlap."""
        found: list[int] = []
        if self._by_first.keys().isdisjoint(text):
            return found
        skip_to = 0
        for i, word in enumerate(text):
            candidates = self._by_first.get(word)
            if candidates is None or i < skip_to:
                continue
            for form, entity in candidates:
                if len(form) == 1 or tuple(text[i : i + len(form)]) == form:
                    found.append(entity)
                    skip_to = i + len(form)
                    break
        return found


class AnswerKey:
    """What every answer to one turn is compared with.

    Args:
        truth: the hidden truth of the turn.

    Attributes:
        truth: as given.
        mentions: finds the entities that matter.
        due: of each slot, how many mentions of its entity show that it was restored: those of the utterance, those
            of earlier slots with the same entity, and one.
        allowed: how often an answer may mention each entity.
        old: the words of the utterance.
        budget: how many words the reference adds, at least 1.
    """

    def __init__(self, truth: RewriteTruth) -> None:
        texts = Text(words(truth.utterance, truth.language)), Text(words(truth.gold, truth.language))
        utterance, gold = texts[0].words, texts[1].words
        self.truth = truth
        self.old = frozenset(utterance)
        self.mentions = Mentions(truth.restored, truth.alike, truth.language)
        said, self._meant = self.mentions.find(utterance), self.mentions.find(gold)
        self.due = _due(self.mentions.entity, said)
        self.allowed = {e: max(said.count(e), self._meant.count(e)) for e in (*said, *self._meant)}
        self.budget = max(1, sum([word not in self.old for word in gold]))
        self._negations = _placed_negations(utterance, truth.language), negations(gold, truth.language)
        self._said, self._gold = texts
        self._kept = [_spellings(item, truth.language) for item in truth.kept]
        self._orders = {_order_in(text, self._kept) for text in texts}
        self._places = [_spellings(slot.places, truth.language) for slot in truth.restored]

    def is_misplaced(self, slot: int, found: Sequence[int]) -> bool:
        """Say whether a rival of a slot stands where it should not: once too often, or in an order never accepted."""
        family = self.mentions.family[slot]
        if not family:
            return False
        own = self.mentions.entity[slot]
        if any(found.count(e) > self.allowed.get(e, 0) for e in family.intersection(found) if e != own):
            return True
        return not self._in_order(found, family)

    def mixes_up(self, found: Sequence[int]) -> bool:
        """Say whether things of one type stand in an order that was never accepted: each in another's place."""
        return not all(self._in_order(found, group) for group in self.mentions.alike)

    def _in_order(self, found: Sequence[int], family: frozenset[int]) -> bool:
        given = _one_by_one(found, family)
        return _is_subsequence(given, _one_by_one(self._meant, family)) or any(
            _is_subsequence(given, _one_by_one(order, family)) for order in self._accepted_orders
        )

    @cached_property
    def _accepted_orders(self) -> set[tuple[int, ...]]:
        """The orders in which accepted rewrites mention things; asked only where the reference does not decide."""
        language = self.truth.language
        return {tuple(self.mentions.find(words(text, language))) for text in self.truth.phrasings}

    def same_polarity(self, text: Text) -> bool:
        """Say whether a text has the negations that utterance and reference share, and none that neither has.

        One that only the utterance has ("no, I meant ...") may stay where it was, behind the same word.
        """
        found, (said, meant) = _placed_negations(text.words, self.truth.language), self._negations
        for word in {word for _, word in (*found, *said)}:
            times, at_most = _times(found, word), max(meant.count(word), _times(_shared(found, said), word))
            if not min(_times(said, word), meant.count(word)) <= times <= at_most:
                return False
        return True

    def repeats_itself(self, text: Text) -> bool:
        """Say whether a text repeats anything that neither the utterance nor the reference repeats so often."""
        found = repeated_tokens(text.words)
        return bool(found) and _exceeds(found, repeated_tokens(self._said.words), repeated_tokens(self._gold.words))

    def hides(self, answer: str) -> bool:
        """Say whether an answer holds invisible characters that neither the utterance nor the reference holds."""
        found = hidden(answer)
        return bool(found) and not found <= hidden(self.truth.utterance + self.truth.gold)

    def holds_more(self, text: Text, light: Set[str]) -> bool:
        """Say whether a text holds the whole reference and, beside it, words that say something.

        Those that the utterance has and the reference has dropped say nothing new.
        """
        if len(text.words) <= len(self._gold.words) or self._gold.spelled not in text.spelled:
            return False
        gold = Counter(self._gold.words)
        more = Counter(text.words) - gold - (Counter(self._said.words) - gold)
        return any(word not in light for word in more.elements())

    def replaced(self, restored: Sequence[bool], text: Text) -> list[bool]:
        """Return which of the restored slots took the place of what stood for them.

        Where a text still holds a stand-in ("that day on July 23"), as many slots that it stood for are not restored.
        """
        flags = list(restored)
        if not any(flags):
            return flags
        for stand_in in {stand_in for stand_in in self._stand_ins if stand_in}:
            slots = [i for i, other in enumerate(self._stand_ins) if other == stand_in]
            left = min(text.words.count(word) - self._gold.words.count(word) for word in stand_in)
            right = [i for i in slots if flags[i]]
            for i in right[max(0, len(slots) - max(0, left)) :]:
                flags[i] = False
        return flags

    @cached_property
    def _stand_ins(self) -> list[Form]:
        """Of each slot the words that the utterance has in its place; empty where it has none.

        They are what an answer without the slot has and the reference has not.
        """
        truth, gold = self.truth, Counter(self._gold.words)
        several = len(truth.restored) > 1
        without = [words(answer, truth.language) for answer in truth.graded] if several else [self._said.words]
        return [tuple(sorted((Counter(answer) - gold).elements())) for answer in without]

    def in_place(self, slot: int, text: Text) -> bool:
        """Say whether a slot stands beside a word that it belongs beside; True where any place will do."""
        return not self._places[slot] or text.first(self._places[slot]) >= 0

    def kept_share(self, text: Text) -> float:
        """Return the share of the items that must survive which a text still has; 1.0 where there are none.

        Only those count that stand in the order of the utterance or of the reference, so that two things which
        changed places do not both count.
        """
        if not self._kept:
            return 1.0
        places = list(map(text.first, self._kept))
        return max(_longest_rise([places[i] for i in order if places[i] >= 0]) for order in self._orders) / len(places)


def negations(text: Sequence[str], language: Language) -> list[str]:
    """Return the negations of a text, in order; the Chinese question "去不去" holds none."""
    return [word for _, word in _placed_negations(text, language)]


def _placed_negations(text: Sequence[str], language: Language) -> list[tuple[str, str]]:
    """Return the negations of a text, each behind the word before it."""
    turning = NEGATIONS[language]
    if turning.isdisjoint(text):
        return []
    padded = ("", *text, "")
    return [
        (padded[i], word)
        for i, word in enumerate(text)
        if word in turning and not (language == "zh" and 0 < i < len(text) - 1 and padded[i] == padded[i + 2])
    ]


def _shared(found: Sequence[tuple[str, str]], said: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return list((Counter(found) & Counter(said)).elements())


def _times(placed: Sequence[tuple[str, str]], word: str) -> int:
    return sum(other == word for _, other in placed)


def _exceeds(found: Sequence[str], *allowed: Sequence[str]) -> bool:
    """Say whether any word was found more often than in each of the allowed sequences."""
    return any(found.count(word) > max(one.count(word) for one in allowed) for word in found)


def _longest_first(owned: tuple[Form, int]) -> int:
    return -len(owned[0])


def _due(entities: Sequence[int], said: Sequence[int]) -> list[int]:
    return [said.count(entity) + entities[: i + 1].count(entity) for i, entity in enumerate(entities)]


def _one_by_one(found: Sequence[int], family: frozenset[int]) -> list[int]:
    """Return the members of a family in order, the same one twice in a row only once."""
    order: list[int] = []
    for entity in found:
        if entity in family and (not order or order[-1] != entity):
            order.append(entity)
    return order


def _is_subsequence(part: Sequence[int], whole: Sequence[int]) -> bool:
    rest = iter(whole)
    return all(entity in rest for entity in part)


def _longest_rise(places: Sequence[int]) -> int:
    """Return how many of some numbers rise when the others are left out, at most."""
    ends: list[int] = []  # the least number that a rising run of each length ends in
    for place in places:
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
    return len(ends)


def _order_in(text: Text, items: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Return the numbers of some items in the order in which a text holds them."""
    numbers = range(len(items))
    return tuple(numbers if len(items) < 2 else sorted(numbers, key=list(map(text.first, items)).__getitem__))
