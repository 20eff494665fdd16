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

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from textenvs.envs.rewrite.grammar.frames import Entity, Frame, Type
from textenvs.envs.rewrite.grammar.language import Cut

_THINGS: frozenset[Type] = frozenset(["parcel", "order", "product", "hotel", "shop"])


class Event(NamedTuple):
    """What one turn put into the talk.

    Attributes:
        frame: what the user asked.
        things: what it mentioned, said or implied, from either side: of every type the things in order, each once.
        told: the things that the service mentioned.
        listed: those among them that stood in a list.
        named: stems of the things whose names were really heard in this turn, from either side, and the names of
            the intents that the user put in words.
    """

    frame: Frame
    things: Mapping[Type, tuple[Entity, ...]]
    told: tuple[Entity, ...]
    listed: tuple[Entity, ...]
    named: frozenset[str]


Discourse = tuple[Event, ...]
"""The turns so far, the oldest first."""


def event(frame: Frame, told: tuple[Entity, ...], listed: tuple[Entity, ...], named: frozenset[str]) -> Event:
    """Return what one turn puts into the talk; the arguments are `Event`'s."""
    things: dict[Type, tuple[Entity, ...]] = {}
    for entity in (*[entity for clause in frame for entity in clause.fill], *told):
        same = things.get(entity.type, ())
        if entity not in same:
            things[entity.type] = (*same, entity)
    return Event(frame, things, told, listed, named)


def antecedents(discourse: Discourse, cut: Cut, kind: Type) -> tuple[Entity, ...]:
    """Return the things that a reference of this kind would be understood as.

    Persons may come twice, a man and a woman, for each has a pronoun; ordinals give the whole list in order.
    """
    if not discourse:
        return ()
    if cut == "ordinal":
        return _listed(discourse, kind)
    if cut in ("zero", "one"):
        return _sole(discourse[-1].things.get(kind, ()))
    if cut == "return":
        return () if kind in discourse[-1].things else _nearest(discourse, kind)
    if kind == "person":
        return tuple(_persons(discourse))
    return _it(discourse, kind) if cut == "pronoun" else _nearest(discourse, kind)


def distance(discourse: Discourse, name: str) -> int:
    """Return how many turns back a stem or an intent was last heard, from 1; 0 if never."""
    for back, turn in enumerate(reversed(discourse), start=1):
        if name in turn.named:
            return back
    return 0


def mentioned(discourse: Discourse, kind: Type) -> list[Entity]:
    """Return everything of a type that was mentioned, in order, each once."""
    found = [entity for turn in discourse for entity in turn.things.get(kind, ())]
    return list(dict.fromkeys(found)) if len(found) > 1 else found


def _sole(candidates: tuple[Entity, ...]) -> tuple[Entity, ...]:
    return candidates if len(candidates) == 1 else ()


def _nearest(discourse: Discourse, kind: Type) -> tuple[Entity, ...]:
    for turn in reversed(discourse):
        if kind in turn.things:
            return _sole(turn.things[kind])
    return ()


def _it(discourse: Discourse, kind: Type) -> tuple[Entity, ...]:
    for turn in reversed(discourse):
        spoken_of = _THINGS.intersection(turn.things)
        if spoken_of:
            return _sole(turn.things[kind]) if len(spoken_of) == 1 and kind in spoken_of else ()
    return ()


def _listed(discourse: Discourse, kind: Type) -> tuple[Entity, ...]:
    for turn in reversed(discourse):
        if turn.listed:
            return turn.listed if turn.listed[0].type == kind else ()
    return ()


def _persons(discourse: Discourse) -> Iterator[Entity]:
    for gender in ("m", "f"):
        for turn in reversed(discourse):
            candidates = tuple([person for person in turn.things.get("person", ()) if person.gender == gender])
            if candidates:
                yield from _sole(candidates)
                break
