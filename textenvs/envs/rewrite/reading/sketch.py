"""An utterance as literals with slots between them, some of which wait for a thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Literal, NamedTuple, Protocol

from textenvs.envs.rewrite.grammar.surface import surface
from textenvs.envs.rewrite.types import Language

State = Literal["said", "stands", "gap"]
SAID: State = "said"
STANDS: State = "stands"
GAP: State = "gap"

_END = "?？。.!！ "


class Thing(NamedTuple):
    """Something that was named.

    Attributes:
        kind: its type; ``""`` where that cannot be known.
        name: its customary name.
        gender: ``"m"`` or ``"f"`` for a person whose title tells it, else ``""``.
        forms: its name in the forms that are more than a preposition or a case ending.
    """

    kind: str
    name: str
    gender: str = ""
    forms: tuple[tuple[str, str], ...] = ()

    def formed(self, form: str, language: Language) -> str:
        """Return the name as it stands in a slot of this form."""
        return dict(self.forms).get(form) or surface(language).formed(self.name, form)


class Slot(NamedTuple):
    """A place for a thing.

    Attributes:
        kind: the type of what belongs there; ``""`` for any.
        form: the case or preposition that leaves with it.
        text: what stands there now; ``""`` in a gap.
        state: ``"said"`` if a thing is named there, ``"stands"`` if a word stands for one, ``"gap"`` if nothing does.
        gender: of the person that a pronoun stands for, where it tells.
        rank: what an ordinal counts to in a list, from 0; -1 where none does.
    """

    kind: str
    form: str
    text: str = ""
    state: State = GAP
    gender: str = ""
    rank: int = -1

    def fits(self, thing: Thing) -> bool:
        """Say whether a thing can stand here."""
        same = not (self.kind and thing.kind) or self.kind == thing.kind
        return same and (not (self.gender and thing.gender) or self.gender == thing.gender)


class Sketch(NamedTuple):
    """An utterance, or several clauses of one.

    Attributes:
        literals: the words around the slots, one more than there are slots.
        slots: in the order in which they stand.
        shell: how the clause around the one slot is left out, such as ``"correction"``; ``""`` if it is not.
    """

    literals: tuple[str, ...]
    slots: tuple[Slot, ...] = ()
    shell: str = ""

    def text(self, put: Mapping[int, str], language: Language) -> str:
        """Return the sentence, with other words in some of the slots; before an empty one there is no space."""
        words = [put.get(number, slot.text) for number, slot in enumerate(self.slots)]
        spaced = [literal if word else literal.rstrip() for literal, word in zip(self.literals, words, strict=False)]
        woven = chain.from_iterable(zip(spaced, words, strict=True))
        return surface(language).sentence("".join(woven) + self.literals[-1], "")

    def numbers(self, *states: State) -> list[int]:
        """Return the numbers of the slots in these states."""
        return [number for number, slot in enumerate(self.slots) if slot.state in states]


def parted(text: str) -> tuple[str, str]:
    """Return a sentence without its final punctuation, and that."""
    body = text.rstrip(_END)
    return body, text[len(body) :]


class Reader(Protocol):
    """Reads single texts of a conversation."""

    def things(self, text: str, language: Language) -> Sequence[Thing]:
        """Return what a text names, in order."""
        ...

    def sketch(self, text: str, language: Language) -> Sketch:
        """Return an utterance with its slots; one literal, where nothing is known about it."""
        ...
