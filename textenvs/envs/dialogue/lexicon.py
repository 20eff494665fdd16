"""Understanding what an agent writes: tags first, then free words by a lexicon of slots, names and cues."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from textenvs.envs.dialogue.types import Catalogue, Language
from textenvs.envs.dialogue.wording import WORDS, Cues
from textenvs.messages import strip_thinking
from textenvs.users.core import ANSWERS, FREE, Move, MoveKind

LONGEST = 2_000
"""Most characters of an action that are listened to: no user reads more."""

_TAG = re.compile(r"\[\s*([^\[\]\s]{1,20})\s*([^\[\]]{0,80}?)\s*\]")
_UNCLEAR = Move("unclear")


class Lexicon:
    """Understands agents that talk about one catalogue.

    A turn does one thing. Where an answer and a question stand side by side, the answer is heard; of several
    questions, the first; several names at once are understood by nobody.

    Args:
        catalogue: what there is, in words.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._words = WORDS[catalogue.language]
        self._slots = [tuple(form.lower() for form in (slot.name, *slot.forms)) for slot in catalogue.slots]
        self._names = [(name.lower(),) for name in catalogue.names]
        self._details = [(detail.lower(),) for detail in catalogue.details]

    def read(self, action: str) -> Move:
        """Return what an action does; total: whatever cannot be understood is unclear."""
        text = strip_thinking(action)[:LONGEST].strip().lower()
        tag = _TAG.search(text)
        return self._tag(tag[1], tag[2]) if tag else self._plain(text)

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

    def _tag(self, kind_name: str, argument: str) -> Move:
        kind = _tag_kinds().get(kind_name)
        if kind is None:
            return _UNCLEAR
        if kind == "ask":
            slot = _first(self._slots, argument)
            return Move("ask", slot)
        if kind in ANSWERS:
            found = _found(self._names, argument)
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
        if "?" in text or "？" in text or cues["question"].search(text):
            return Move("ask", _first(self._slots, text))
        return Move("end") if cues["end"].search(text) else _UNCLEAR


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
