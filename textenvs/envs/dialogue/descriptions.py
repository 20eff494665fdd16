"""Answers by description: "the cheap one in the north" in place of a name, looked up in the list of what there is.

A description names values, by their names or phrases. It stands for the first candidate that has all of them; where
none has, looking it up says that there is nothing. Two values of one slot contradict each other and describe nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from textenvs.envs.dialogue.knowledge import Wants
from textenvs.envs.dialogue.types import Catalogue, ValueWords
from textenvs.envs.dialogue.wording import WORDS
from textenvs.tidiness import folded
from textenvs.users.core import FREE

Place = tuple[int, int]
"""A slot, and one of its values."""

_VALUE, _NOUN = "\0", "\1"
"""What stands for a value and for the noun where the shape of a description is looked at."""


class Descriptions:
    """Understands descriptions of the candidates of one catalogue.

    Args:
        catalogue: what there is, in words.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._rows = catalogue.kb.rows
        self._noun = folded(catalogue.noun)
        self._places = _places(catalogue)
        longest_first = sorted(self._places, key=len, reverse=True)
        self._value = re.compile("|".join(map(_whole, longest_first)))
        shape = WORDS[catalogue.language].described
        self._shape = re.compile(shape.replace("<value>", _VALUE).replace("<noun>", _NOUN))

    def look_up(self, text: str) -> tuple[int, ...] | None:
        """Return the candidates that a folded text describes; None where it names no value, or contradicts itself.

        A word that is a value of several slots may mean any of them.
        """
        named = {self._places[form] for form in self._value.findall(text)}
        if not named or any(_contradict(*pair) for pair in itertools.combinations(named, 2)):
            return None
        return tuple(number for number, row in enumerate(self._rows) if all(_has(row, places) for places in named))

    def pure(self, text: str) -> bool:
        """Say whether a folded text is a description and no more, each value named once."""
        named: list[str] = self._value.findall(text)
        bare = self._value.sub(_VALUE, text).replace(self._noun, _NOUN)
        once = len(named) == len({self._places[form] for form in named})
        return once and self._shape.fullmatch(bare) is not None and self.look_up(text) is not None


def described(catalogue: Catalogue, wants: Wants) -> str:
    """Return the noun with the phrases of what is wanted, as users and agents say it."""
    words = WORDS[catalogue.language]
    phrases = words.both.join(value.phrase for value in _wanted(catalogue, wants))
    return " ".join([catalogue.noun, phrases]).strip() if words.after else phrases + catalogue.noun


def value_names(catalogue: Catalogue, wants: Wants) -> list[str]:
    """Return the names of the values that are wanted."""
    return [value.name for value in _wanted(catalogue, wants)]


def _wanted(catalogue: Catalogue, wants: Wants) -> list[ValueWords]:
    return [slot.values[want] for slot, want in zip(catalogue.slots, wants, strict=True) if want != FREE]


def _places(catalogue: Catalogue) -> dict[str, frozenset[Place]]:
    """Return what each form of a value can mean."""
    found: dict[str, frozenset[Place]] = {}
    for slot, words in enumerate(catalogue.slots):
        for value, named in enumerate(words.values):
            for form in (folded(named.name), folded(named.phrase)):
                found[form] = found.get(form, frozenset()) | {(slot, value)}
    return found


def _contradict(some: frozenset[Place], others: frozenset[Place]) -> bool:
    """Say whether two words can only be two values of one slot."""
    return all(slot == other and value != another for slot, value in some for other, another in others)


def _has(row: Sequence[int], places: frozenset[Place]) -> bool:
    return any(row[slot] == value for slot, value in places)


def _whole(form: str) -> str:
    """Return a pattern of a form as a whole word; Chinese has no such thing."""
    before = r"(?<![0-9a-z])" if _is_latin(form[0]) else ""
    after = r"(?![0-9a-z])" if _is_latin(form[-1]) else ""
    return before + re.escape(form) + after


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()
