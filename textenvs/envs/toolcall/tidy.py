"""How an assistant's final words are read: by the frames of tidy answers, questions and refusals, in two languages.

The words of `MADE`, `FACT` and the other tables of the generated world are among them, and so is what assistants
commonly say; a thing may be named as the conversation has named it. See `textenvs.tidiness`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from textenvs.envs.toolcall.chinese_frames import CHINESE
from textenvs.envs.toolcall.english_frames import ENGLISH
from textenvs.envs.toolcall.types import Decision, Expectation, Language
from textenvs.envs.toolcall.wording import decision_of, says
from textenvs.tidiness import Frames, Sentence, folded

_DECISIONS: Mapping[str, Decision] = {
    "fact": "answer",
    "done": "answer",
    "welcome": "answer",
    "ask": "ask",
    "refuse": "refuse",
    "reason": "refuse",
}
"""What a sentence of each kind decides."""

_LONGEST_THING = 48
"""Most characters of a thing's name."""

_LISTED = re.compile(r", and |, | and |、|和|及|,")
_UNITS = {"degrees", "degree", "celsius", "°c", "g", "kg", "grams", "kb", "mb", "yuan", "度", "克", "公斤", "元"}

_PAUSE = re.compile(r",(?![^()]*\))")
_QUOTES = str.maketrans("", "", '"“”「」')

FRAMES: Mapping[Language, Frames] = {"en": ENGLISH, "zh": CHINESE}
"""By language."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What final words do.

    Attributes:
        decision: see `Decision`.
        tidy: whether they do nothing else.
    """

    decision: Decision
    tidy: bool


def read_answer(text: str, expectation: Expectation, language: Language, known: str) -> Reading:
    """Read final words.

    Args:
        text: the words.
        expectation: whose names and facts they may hold.
        language: that they must be in.
        known: everything that the conversation has held, after which things may be named.
    """
    said = FRAMES[language].read(text, _Places(expectation, known).fits)
    kinds = [one.kind for one in said or ()]
    decisions: set[Decision] = {_DECISIONS[kind] for kind in kinds}
    if said is None or (len(decisions) > 1 and not decisions.issubset(expectation.decisions)):
        return Reading(decision_of(text), False)
    one_of_each = all(count == 1 for kind, count in Counter(kinds).items() if kind != "fact")
    decision: Decision = sorted(decisions)[0] if decisions else "answer"
    return Reading(decision, one_of_each and _each_once(said, expectation))


def _each_once(said: tuple[Sentence, ...], expectation: Expectation) -> bool:
    """Say whether every fact is stated once at most."""
    stated = [text for one in said for place, text in one.filled if place in ("value", "values")]
    return all(sum(says(text, forms) for text in stated) <= 1 for forms in expectation.facts)


class _Places:
    """Tells what may stand in the places of a frame.

    Args:
        expectation: gives ``value``, a fact, ``values``, several of them, and ``named``, what must be named.
        known: gives ``thing``.
    """

    def __init__(self, expectation: Expectation, known: str) -> None:
        self._forms = [folded(form) for forms in expectation.facts for form in forms]
        self._names = {folded(form).replace("_", " ") for forms in expectation.names for form in forms}
        self._known = folded(known).replace("_", " ")

    def fits(self, place: str, text: str) -> bool:
        """Say whether a text may stand in a place; quotation marks around it do not matter."""
        text = text.translate(_QUOTES)
        if place == "value":
            return any(self._is_value(self._disowned(text, form), form) for form in self._forms)
        parts = [part for part in _LISTED.split(text) if part]
        if place == "values":
            stated = all(any(self._is_value(part, form) for form in self._forms) for part in parts)
            return stated and len(parts) == len(set(parts)) > 1
        if place == "named":
            return any(map(self._is_named, parts)) and all(self._is_named(one) or self._is_thing(one) for one in parts)
        return self._is_thing(text)

    def _disowned(self, text: str, form: str) -> str:
        """Return a text without the thing before the value that it belongs to: "order O12" is O12."""
        owner, _, _ = text.partition(form)
        return text[len(owner) :] if len(owner) > 1 and self._is_thing(owner.strip()) else text

    def _is_value(self, text: str, form: str) -> bool:
        return text == form or (text.startswith(form) and text[len(form) :].strip() in _UNITS)

    def _is_named(self, text: str) -> bool:
        """Say whether a text is what must be named, or a parameter with its value."""
        plain = text.replace("_", " ")
        heads = (name for name in self._names if plain.startswith(name))
        return any(plain[len(name) :].strip() in ("", *self._names) for name in heads)

    def _is_thing(self, text: str) -> bool:
        """Say whether the conversation has named something in these words, which are no clauses and state no fact."""
        if len(text) > _LONGEST_THING or _PAUSE.search(text) or says(text, self._forms):
            return False
        return says(self._known, (text.replace("_", " "),))
