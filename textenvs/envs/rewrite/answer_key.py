"""What the reward looks up, derived once from a `RewriteTruth`.

Texts are compared as sequences of words (`measures.words`). A *mention* is an occurrence of a surface form of an
entity that matters: one that was removed, or one of its rivals. Longer forms win, so "上海站" is no mention of "上海".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from textenvs.envs.rewrite.types import Language, Restored, RewriteTruth
from textenvs.rewards.measures import hidden, repeated_tokens, words

NEGATIONS: dict[Language, frozenset[str]] = {
    "zh": frozenset("不没别无非未勿莫甭"),
    "en": frozenset(["not", "n't", "no", "never", "without", "nobody", "nothing", "none", "neither", "nor"]),
}
"""Words that turn a statement into its opposite."""

Form = tuple[str, ...]


@lru_cache(maxsize=1 << 15)
def form_of(surface: str, language: Language) -> Form:
    """Returns a surface form as words. Kept, because the forms of a world come again and again."""
    return tuple(words(surface, language))


class Text:
    """An answer as words, ready to be asked what it holds.

    Args:
        answer: the words.
    """

    def __init__(self, answer: list[str]) -> None:
        self.words = answer
        self._present = frozenset(answer)
        self._joined = f" {'  '.join(answer)} "  # two spaces keep neighbours apart

    def holds(self, form: Form) -> bool:
        """Says whether the words of a form stand in the answer, side by side."""
        return form[0] in self._present if len(form) == 1 else f" {'  '.join(form)} " in self._joined


class Mentions:
    """Finds mentions in a text.

    Args:
        slots: what was removed.
        language: of the texts.

    Attributes:
        entity: of each slot, by position; slots that share an alias share the entity.
        family: of each slot: its entity and its rivals; empty where it has no rivals.
    """

    def __init__(self, slots: Sequence[Restored], language: Language) -> None:
        self._language: Language = language
        self._owner: dict[Form, int] = {}
        self._entities = 0
        self.entity = [self._claim(slot.aliases) for slot in slots]
        rivals = [[self._claim((rival,)) for rival in slot.rivals] for slot in slots]
        self.family = [
            frozenset((own, *others)) if others else frozenset[int]()
            for own, others in zip(self.entity, rivals, strict=True)
        ]
        self._by_first: dict[str, list[tuple[Form, int]]] = {}
        for form, entity in sorted(self._owner.items(), key=_longest_first):
            self._by_first.setdefault(form[0], []).append((form, entity))

    def _claim(self, surfaces: Iterable[str]) -> int:
        """Gives all forms to one entity: the one that owns one of them already, or a new one."""
        forms = [form for form in (form_of(surface, self._language) for surface in surfaces) if form]
        entity = next((self._owner[form] for form in forms if form in self._owner), self._entities)
        self._entities += entity == self._entities
        for form in forms:
            self._owner.setdefault(form, entity)
        return entity

    def find(self, text: Sequence[str]) -> list[int]:
        """Returns the entities that a text mentions, in order, without overlap."""
        found: list[int] = []
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
        hidden: invisible characters that the utterance or the reference hold themselves.
    """

    def __init__(self, truth: RewriteTruth) -> None:
        utterance, gold = words(truth.utterance, truth.language), words(truth.gold, truth.language)
        self.truth = truth
        self.old = frozenset(utterance)
        self.mentions = Mentions(truth.restored, truth.language)
        said, self._meant = self.mentions.find(utterance), self.mentions.find(gold)
        self._meant_entities = frozenset(self._meant)
        self.due = _due(self.mentions.entity, said)
        self.allowed = {e: max(said.count(e), self._meant.count(e)) for e in (*said, *self._meant)}
        self.budget = max(1, sum(word not in self.old for word in gold))
        self._negations = negations(utterance, truth.language), negations(gold, truth.language)
        self._repeats = repeated_tokens(utterance), repeated_tokens(gold)
        self.hidden = hidden(truth.utterance + truth.gold)
        self._kept = [_forms(item, truth.language) for item in truth.kept]
        self._places = [_forms(slot.places, truth.language) for slot in truth.restored]

    def in_order(self, found: Sequence[int], family: frozenset[int]) -> bool:
        """Says whether the members of a family stand in an order that some accepted rewrite has."""
        given = _one_by_one(found, family)
        if not self._meant_entities.issuperset(given):
            return False  # every accepted rewrite means the same, so none of them mentions a stranger
        return _is_subsequence(given, _one_by_one(self._meant, family)) or any(
            _is_subsequence(given, _one_by_one(order, family)) for order in self._accepted_orders
        )

    @cached_property
    def _accepted_orders(self) -> list[list[int]]:
        """The mentions of every accepted rewrite; asked only where the reference does not decide."""
        language = self.truth.language
        return [self.mentions.find(words(text, language)) for text in sorted(self.truth.accepted)]

    def same_polarity(self, text: Text) -> bool:
        """Says whether a text has the negations that utterance and reference share, and none that neither has."""
        found = negations(text.words, self.truth.language)
        said, meant = self._negations
        return not _exceeds(found, said, meant) and all(
            found.count(word) >= min(said.count(word), meant.count(word)) for word in said
        )

    def repeats_itself(self, text: Text) -> bool:
        """Says whether a text repeats anything that neither the utterance nor the reference repeats so often."""
        return _exceeds(repeated_tokens(text.words), *self._repeats)

    def in_place(self, slot: int, text: Text) -> bool:
        """Says whether a slot stands beside a word that it belongs beside; True where any place will do."""
        return not self._places[slot] or any(map(text.holds, self._places[slot]))

    def kept_share(self, text: Text) -> float:
        """Returns the share of the items that must survive which a text still has; 1.0 where there are none."""
        if not self._kept:
            return 1.0
        return sum(any(map(text.holds, item)) for item in self._kept) / len(self._kept)


def negations(text: Sequence[str], language: Language) -> list[str]:
    """Returns the negations of a text, in order; the Chinese question "去不去" holds none."""
    turning = NEGATIONS[language]
    if turning.isdisjoint(text):
        return []
    padded = ("", *text, "")
    return [
        word
        for i, word in enumerate(text)
        if word in turning and not (language == "zh" and 0 < i < len(text) - 1 and padded[i] == padded[i + 2])
    ]


def _exceeds(found: Sequence[str], *allowed: Sequence[str]) -> bool:
    """Says whether any word was found more often than in each of the allowed sequences."""
    return any(found.count(word) > max(one.count(word) for one in allowed) for word in found)


def _longest_first(owned: tuple[Form, int]) -> int:
    return -len(owned[0])


def _due(entities: Sequence[int], said: Sequence[int]) -> list[int]:
    return [said.count(entity) + entities[: i + 1].count(entity) for i, entity in enumerate(entities)]


def _one_by_one(found: Sequence[int], family: frozenset[int]) -> list[int]:
    """Returns the members of a family in order, the same one twice in a row only once."""
    order: list[int] = []
    for entity in found:
        if entity in family and (not order or order[-1] != entity):
            order.append(entity)
    return order


def _is_subsequence(part: Sequence[int], whole: Sequence[int]) -> bool:
    rest = iter(whole)
    return all(entity in rest for entity in part)


def _forms(surfaces: Iterable[str], language: Language) -> list[Form]:
    return [form_of(surface, language) for surface in surfaces]
