"""Who was mentioned when, and which antecedent a reference has.

Every operator has one rule. A reference is allowed only where its rule gives exactly one antecedent:

- a turn's candidates are the things of the wanted type that the user or the service mentioned in it;
- the most recent turn with a candidate decides, and it must have exactly one (for persons: one of that gender);
- ``zero`` and ``one`` look at the last turn only;
- ``pronoun`` looks for any thing that "it" can be, so a parcel is not "it" once a hotel was spoken of;
- ``demonstrative``, ``locative`` and ``temporal`` name or imply the type and reach back as far as the talk goes;
- ``return`` is a demonstrative that skips at least the last turn, which spoke of something else;
- ``ordinal`` counts in the last list that the service gave, if it was of that type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textenvs.envs.rewrite.grammar.frames import Entity, Frame, Type
from textenvs.envs.rewrite.grammar.language import Cut

_THINGS: frozenset[Type] = frozenset(["parcel", "order", "product", "hotel", "shop"])


@dataclass(frozen=True, slots=True)
class Event:
    """What one turn put into the talk.

    Attributes:
        frame: what the user asked.
        asked: the things in it, said or implied.
        told: the things that the service mentioned.
        listed: those among them that stood in a list.
        named: stems of the things whose names were really heard in this turn, from either side, and the names of
            the intents that the user put in words.
    """

    frame: Frame
    asked: tuple[Entity, ...]
    told: tuple[Entity, ...]
    listed: tuple[Entity, ...]
    named: frozenset[str]


Discourse = tuple[Event, ...]
"""The turns so far, the oldest first."""


def antecedents(discourse: Discourse, cut: Cut, kind: Type) -> tuple[Entity, ...]:
    """Return the things that a reference of this kind would be understood as.

    Persons may come twice, a man and a woman, for each has a pronoun; ordinals give the whole list in order.
    """
    if not discourse:
        return ()
    if cut == "ordinal":
        return _listed(discourse, kind)
    if cut in ("zero", "one"):
        return _sole(_of(discourse[-1], frozenset([kind])))
    if cut == "return":
        return () if _of(discourse[-1], frozenset([kind])) else _nearest(discourse, frozenset([kind]), kind)
    if kind == "person":
        return tuple(_persons(discourse))
    return _nearest(discourse, _THINGS if cut == "pronoun" else frozenset([kind]), kind)


def distance(discourse: Discourse, name: str) -> int:
    """Return how many turns back a stem or an intent was last heard, from 1; 0 if never."""
    for back, event in enumerate(reversed(discourse), start=1):
        if name in event.named:
            return back
    return 0


def mentioned(discourse: Discourse, kind: Type) -> list[Entity]:
    """Return everything of a type that was mentioned, in order, each once."""
    seen: dict[str, Entity] = {}
    for event in discourse:
        for entity in (*event.asked, *event.told):
            if entity.type == kind:
                seen.setdefault(entity.stem, entity)
    return list(seen.values())


def _of(event: Event, kinds: frozenset[Type]) -> list[Entity]:
    found: list[Entity] = []
    for entity in (*event.asked, *event.told):
        if entity.type in kinds and entity not in found:
            found.append(entity)
    return found


def _sole(candidates: list[Entity]) -> tuple[Entity, ...]:
    return tuple(candidates) if len(candidates) == 1 else ()


def _nearest(discourse: Discourse, kinds: frozenset[Type], kind: Type) -> tuple[Entity, ...]:
    for event in reversed(discourse):
        candidates = _of(event, kinds)
        if candidates:
            return _sole(candidates) if candidates[0].type == kind else ()
    return ()


def _listed(discourse: Discourse, kind: Type) -> tuple[Entity, ...]:
    for event in reversed(discourse):
        if event.listed:
            return event.listed if event.listed[0].type == kind else ()
    return ()


def _persons(discourse: Discourse) -> Iterator[Entity]:
    for gender in ("m", "f"):
        for event in reversed(discourse):
            candidates = [person for person in _of(event, frozenset(["person"])) if person.gender == gender]
            if candidates:
                yield from _sole(candidates)
                break
