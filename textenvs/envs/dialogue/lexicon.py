"""Understanding what an agent writes: tags first, then free words by a lexicon of slots, names and cues."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache, partial
from typing import cast

from textenvs.envs.dialogue.descriptions import Descriptions, described, value_names
from textenvs.envs.dialogue.knowledge import Wants
from textenvs.envs.dialogue.types import Catalogue, Language
from textenvs.envs.dialogue.wording import WORDS, Cues
from textenvs.messages import strip_thinking
from textenvs.rewards.measures import fold
from textenvs.tidiness import folded
from textenvs.users.core import ANSWERS, FREE, Move, MoveKind

LONGEST = 2_000
"""Most characters of an action that are listened to: no user reads more."""

_TAG = re.compile(r"\[\s*([^\[\]\s]{1,20})\s*([^\[\]]{0,80}?)\s*\]")
_SPACES = re.compile(r"\s+")
_BETWEEN = re.compile(r",|、|/|\bor\b|还是|或者?|和")
_UNCLEAR = Move("unclear")


class Lexicon:
    """Understands agents that talk about one catalogue.

    A turn does one thing. Where an answer and a question stand side by side, the answer is heard; of several
    questions, the first; several names at once are understood by nobody. In place of a name an answer may describe what
    it is about, see `descriptions`: in a tag, or in a message that says nothing else.

    Args:
        catalogue: what there is, in words.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._words = WORDS[catalogue.language]
        self._slots = [tuple(map(folded, (slot.name, *slot.forms))) for slot in catalogue.slots]
        self._values = [tuple(folded(value.name) for value in slot.values) for slot in catalogue.slots]
        self._names = [(folded(name),) for name in catalogue.names]
        self._details = [(folded(detail),) for detail in catalogue.details]

    def read(self, action: str) -> Move:
        """Return what an action does; total: whatever cannot be understood is unclear."""
        text = _heard(action)
        tag = _TAG.search(text)
        return self._tag(tag[1], tag[2]) if tag else self._plain(text)

    def tidy(self, action: str, move: Move) -> bool:
        """Say whether an action does its move and nothing else; see `textenvs.tidiness`.

        Args:
            action: what the agent wrote.
            move: what `read` took it for.
        """
        text = _heard(action)
        if tag := _TAG.fullmatch(text):
            described = _tag_kinds().get(tag[1]) in ANSWERS and self._descriptions.pure(folded(tag[2]))
            return described or self._is_thing(move, tag[2].strip())
        said = self._words.frames.read(text, partial(self._fits, move))
        return (said is not None and [one.kind for one in said] == [move.kind]) or self._described(text) == move

    def _is_thing(self, move: Move, argument: str) -> bool:
        """Say whether the argument of a tag is what the move is about, and no more."""
        if move.slot != FREE:
            return self._fits(move, "slot", argument)
        if move.candidate != FREE:
            return self._fits(move, "name", argument)
        return not argument

    def _fits(self, move: Move, place: str, text: str) -> bool:
        """Say whether a text may stand in a place of a frame."""
        match place:
            case "slot":
                return move.slot != FREE and text in self._slots[move.slot]
            case "values":
                parts = [part.strip().removeprefix("the ") for part in _BETWEEN.split(text)]
                return move.slot != FREE and all(part in self._values[move.slot] for part in parts if part)
            case "name":
                return move.candidate != FREE and text in self._names[move.candidate]
            case "detail":
                return move.candidate != FREE and text in self._details[move.candidate]
            case _:
                return text == folded(self._catalogue.noun)

    def write(self, move: Move, tags: bool) -> str:
        """Return words, or a tag, that are understood as this move."""
        agent, slot = self._words.agent, FREE if move.slot == FREE else move.slot
        named = "" if slot == FREE else self._catalogue.slots[slot].name
        name, detail = "", ""
        if move.candidate != FREE:
            name, detail = self._catalogue.names[move.candidate], self._catalogue.details[move.candidate]
        if tags and move.kind in agent.tag_names:
            return f"[{' '.join(part for part in (agent.tag_names[move.kind], named, name) if part)}]"
        return agent.moves[move.kind].format(slot=named, name=name, detail=detail)

    def describe(self, kind: MoveKind, wants: Wants, tags: bool) -> str:
        """Return words, or a tag, for an answer that describes what it is about.

        Args:
            kind: of the answer, one of `ANSWERS`.
            wants: the values that are named, at least one of them.
            tags: whether to write a tag.
        """
        agent = self._words.agent
        if tags:
            return f"[{agent.tag_names[kind]} {self._words.comma.join(value_names(self._catalogue, wants))}]"
        return agent.described[kind].format(thing=described(self._catalogue, wants))

    @cached_property
    def _descriptions(self) -> Descriptions:
        return Descriptions(self._catalogue)

    def _tag(self, kind_name: str, argument: str) -> Move:
        kind = _tag_kinds().get(kind_name)
        if kind is None:
            return _UNCLEAR
        if kind == "ask":
            slot = _first(self._slots, argument)
            return Move("ask", slot)
        if kind in ANSWERS:
            found = _found(self._names, argument)
            if not found:
                return self._looked_up(kind, argument)
            return Move(kind, FREE, found[0]) if len(found) == 1 else _UNCLEAR
        return Move(kind)

    def _plain(self, text: str) -> Move:
        names, details = _found(self._names, text), _found(self._details, text)
        if len(names) > 1 or len(details) > 1 or (names and details and names != details):
            return _UNCLEAR
        if details:
            return Move("explain", FREE, details[0])
        cues = _cues(self._catalogue.language)
        if names:
            return Move("book" if cues["book"].search(text) else "recommend", FREE, names[0])
        for kind in ("handover", "refuse", "offer"):
            if cues[kind].search(text):
                return Move(kind)
        slot, parting = self._asked(text), cues["end"].search(text)
        if ("?" in text or cues["question"].search(text)) and not (parting and slot == FREE):
            return Move("ask", slot)
        return self._described(text) or (Move("end") if parting else _UNCLEAR)

    def _asked(self, text: str) -> int:
        """Return the slot that a question is about: one that it names, or else the one between whose values it asks."""
        slot = _first(self._slots, text)
        if slot != FREE:
            return slot
        named = [len(_found([(value,) for value in values], text)) for values in self._values]
        return named.index(sum(named)) if sum(named) > 1 and sum(named) in named else FREE

    def _described(self, text: str) -> Move | None:
        """Return the answer that a text gives by a description; None where it does not, or does anything else."""
        said = self._words.describing.read(text, lambda _, thing: self._descriptions.pure(thing))
        if said is None or len(said) != 1:
            return None
        return self._looked_up(cast("MoveKind", said[0].kind), said[0].filled[0][1])

    def _looked_up(self, kind: MoveKind, description: str) -> Move:
        """Return an answer with the first candidate that is described, or that there is none."""
        found = self._descriptions.look_up(description)
        if found is None:
            return _UNCLEAR
        return Move(kind, FREE, found[0]) if found else Move("refuse")


def _heard(action: str) -> str:
    return _SPACES.sub(" ", fold(strip_thinking(action)[:LONGEST])).strip()


def _place(forms: Sequence[str], text: str) -> int | None:
    """Return where the first of some lower-case forms stands in a lower-case text, as a whole word; None if nowhere."""
    places = [place for form in forms for place in _places(form, text)]
    return min(places) if places else None


def _places(form: str, text: str) -> Iterator[int]:
    at = text.find(form) if form else -1
    while at >= 0:
        end = at + len(form)
        if not _joined(text[at - 1 : at + 1]) and not _joined(text[end - 1 : end + 1]):
            yield at
        at = text.find(form, at + 1)


def _joined(pair: str) -> bool:
    """Say whether two characters belong to one word; Chinese has no such thing."""
    return len(pair) == 2 and pair.isascii() and pair.isalnum()


def _found(things: Sequence[tuple[str, ...]], text: str) -> list[int]:
    return [number for number, forms in enumerate(things) if _place(forms, text) is not None]


def _first(things: Sequence[tuple[str, ...]], text: str) -> int:
    """Return the number of the thing that a text names first; `FREE` where it names none."""
    places = [(place, number) for number, forms in enumerate(things) if (place := _place(forms, text)) is not None]
    return min(places)[1] if places else FREE


@lru_cache(maxsize=1)
def _tag_kinds() -> dict[str, MoveKind]:
    """Return the kinds of moves by the names of their tags, in both languages."""
    return {name: kind for words in WORDS.values() for kind, name in words.agent.tag_names.items()}


@lru_cache(maxsize=2)
def _cues(language: Language) -> dict[str, re.Pattern[str]]:
    cues: Cues = WORDS[language].cues
    named = {name: getattr(cues, name) for name in ("book", "refuse", "handover", "offer", "end", "question")}
    return {name: re.compile(pattern, re.IGNORECASE) for name, pattern in named.items()}
