"""What a rewrite is worth: four named parts and their fusion.

The same parts score generated dialogues and real ones; they read nothing but `RewriteTruth`.

- **coreference**: share of the removed referents (slots of kind ``"reference"``) restored to the right entity and in
  their place; where an utterance lost none of that kind, of all removed slots.
- **keywords**: share of all removed slots that stand in their place in the answer under one of their aliases. Words
  put where they do not belong, such as at the end of a copy or beside the pronoun that they should replace, restore
  nothing.
- **consistency**: share of the utterance's content words, negations and quantities that survive, times what is
  left of the reference's own length in new words after every word (or further mention) that nobody asked for is
  taken off; 0 where a negation was added or lost, or the whole reference stands beside something else.
- **fluency**: the form alone, as `RewriteTruth.fluency` judges it; 0 where the answer repeats itself or hides
  characters. No part looks at length.

Where nothing was removed, coreference and keywords are 1 for an answer that adds nothing, else 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from textenvs.envs.rewrite.answer_key import AnswerKey, Text, forms_of
from textenvs.envs.rewrite.light_words import LIGHT_WORDS
from textenvs.envs.rewrite.types import LONGEST, RewriteTruth
from textenvs.messages import Turn
from textenvs.rewards import Reward, Score, Scored
from textenvs.rewards.measures import normalize, words

PENALTY = 0.3
"""What a wrong antecedent, added content or degenerate text costs."""

CEILING = 0.95
"""The most that an answer is paid which is not among the accepted ones."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """All that the reward knows about one answer.

    Attributes:
        coreference: see the module's docstring; in [0, 1] like the other three.
        keywords: likewise.
        consistency: likewise.
        fluency: likewise.
        fault: how much of the penalty is due, in [0, 1]: 1 for degenerate text, for things in each other's place or
            for content added where nothing was removed, else the share of the slots filled with something else.
        exact: whether the answer is among the accepted ones.
    """

    coreference: float
    keywords: float
    consistency: float
    fluency: float
    fault: float = 0.0
    exact: bool = False

    @property
    def parts(self) -> dict[str, float]:
        """The four parts by name, as in `PARTS`."""
        return {
            "coreference": self.coreference,
            "keywords": self.keywords,
            "consistency": self.consistency,
            "fluency": self.fluency,
        }

    @property
    def value(self) -> float:
        """The fused reward, in [-PENALTY, 1].

        A fault is not made up for by the slots that are right: an answer about the wrong thing is worth less than
        the plain copy, which is worth 0.
        """
        if self.exact:
            return 1.0
        if self.fault:
            return -PENALTY * self.fault
        return min(CEILING, self.fluency * self.consistency * (self.coreference + self.keywords) / 2.0)


_EXACT = Assessment(1.0, 1.0, 1.0, 1.0, exact=True)
_EMPTY = Assessment(0.0, 0.0, 0.0, 0.0)
_RAMBLING = Assessment(0.0, 0.0, 0.0, 0.0, fault=1.0)


@lru_cache(maxsize=16)
def answer_key(truth: RewriteTruth) -> AnswerKey:
    """Return the key of a turn; kept for as long as its answers are likely to come in."""
    return AnswerKey(truth)


def assess(truth: RewriteTruth, answer: str) -> Assessment:
    """Judge one answer.

    Args:
        truth: the hidden truth of the turn.
        answer: what the agent said, without its thinking (`Turn.answer`).

    Returns:
        The four parts and their fusion.
    """
    if len(answer) > len(truth.gold) + LONGEST:
        return _RAMBLING
    if answer == truth.gold or normalize(answer, truth.language) in truth.accepted:
        return _EXACT
    text = Text(words(answer, truth.language))
    if not text.words:
        return _EMPTY
    key = answer_key(truth)
    found = key.mentions.find(text.words)
    added = [word for word in text.words if word not in key.old]
    unheard = set(added) - truth.known
    unknown = [word for word in added if word in unheard] if unheard else []
    if truth.needs_rewrite:
        coreference, keywords, fault = _restoration(key, text, found, added, bool(unknown))
    else:
        coreference = keywords = float(not added)
        fault = 1.0 - keywords
    degenerate = _is_degenerate(key, answer, text, unknown)
    refused = degenerate or key.mixes_up(found)
    return Assessment(
        coreference,
        keywords,
        _consistency(key, text, found, len(unknown)),
        0.0 if degenerate else truth.fluency(answer),
        max(fault, float(refused)),
    )


def _restoration(
    key: AnswerKey, text: Text, found: Sequence[int], added: Sequence[str], invented: bool
) -> tuple[float, float, float]:
    """Return coreference, keywords and the share of the slots that something else fills."""
    slots = key.truth.restored
    present = [found.count(entity) >= due for entity, due in zip(key.mentions.entity, key.due, strict=True)]
    misplaced = [key.is_misplaced(i, found) for i in range(len(slots))]
    wrong = [misplaced[i] or (invented and not present[i] and not _begun(key, i, added)) for i in range(len(slots))]
    placed = [present[i] and key.in_place(i, text) for i in range(len(slots))]
    restored = key.replaced(placed, text)
    right = [restored[i] and not misplaced[i] for i in range(len(slots))]
    references = [ok for ok, slot in zip(right, slots, strict=True) if slot.kind == "reference"]
    return _share(references or right), _share(restored), _share(wrong)


def _begun(key: AnswerKey, slot: int, added: Sequence[str]) -> bool:
    """Say whether at least half of a slot's words were brought back, so that nothing else stands in its place."""
    forms = forms_of(key.truth.restored[slot].aliases, key.truth.language)
    return any(2 * sum([word in added for word in form]) >= len(form) for form in forms)


def _is_degenerate(key: AnswerKey, answer: str, text: Text, unknown: Sequence[str]) -> bool:
    """Say whether an answer repeats itself, or hides characters, more than utterance and reference do."""
    return key.repeats_itself(text) or any(_is_stutter(word, key.truth.known) for word in unknown) or key.hides(answer)


def _is_stutter(word: str, known: AbstractSet[str]) -> bool:
    """Say whether a word is a known one with its own end glued on again ("gaygay", "2020")."""
    glued = [i for i in range((len(word) + 1) // 2, len(word)) if word.endswith(word[i:], 0, i)]
    return any(word[:i] in known for i in glued)


def _consistency(key: AnswerKey, text: Text, found: Sequence[int], unknown: int) -> float:
    if not key.same_polarity(text) or key.holds_more(text, LIGHT_WORDS[key.truth.language]):
        return 0.0
    surplus = sum(max(0, found.count(entity) - key.allowed.get(entity, 0)) for entity in set(found))
    return key.kept_share(text) * max(0.0, 1.0 - (unknown + surplus) / key.budget)


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)


_assessed = lru_cache(maxsize=256)(assess)
"""Kept, because each of the four parts asks for the same."""


def coreference(turn: Turn) -> float:
    """Return the share of the removed referents that were restored to the right entity, in [0, 1]."""
    return _assessed(turn.truth, turn.answer).coreference


def keywords(turn: Turn) -> float:
    """Return the share of the removed slots that stand in the answer, in [0, 1]."""
    return _assessed(turn.truth, turn.answer).keywords


def consistency(turn: Turn) -> float:
    """Return how far the utterance was kept and nothing added, in [0, 1]."""
    return _assessed(turn.truth, turn.answer).consistency


def fluency(turn: Turn) -> float:
    """Return how well-formed the answer is, in [0, 1]."""
    return _assessed(turn.truth, turn.answer).fluency


PARTS: Mapping[str, Callable[[Turn], float]] = MappingProxyType(
    {"coreference": coreference, "keywords": keywords, "consistency": consistency, "fluency": fluency}
)
"""The four parts by the names that configurations use."""


def rewrite_reward(turn: Turn) -> Score:
    """Score one turn with the default fusion; the value lies in [-PENALTY, 1]."""
    judged = assess(turn.truth, turn.answer)
    return Score(judged.value, judged.parts)


def default_reward() -> Reward:
    """Return the default fusion as a reward of the protocol."""
    return Scored(rewrite_reward, "rewrite", tuple(PARTS))
