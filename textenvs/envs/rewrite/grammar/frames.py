"""What a user can ask for: typed frames, the same in every language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Type = Literal["person", "parcel", "order", "product", "city", "hotel", "shop", "day", "colour", "count", "nights"]
Act = Literal["ask", "do", "forbid"]
AnswerKind = Literal[
    "place", "home", "moment", "clock", "kilos", "money", "done", "held", "number", "parcels", "hotels",
    "courier", "days", "shipped", "weather", "breakfast", "stock",
]  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """Something that a dialogue can talk about, with its names in the dialogue's language.

    Compared and hashed by identity: a dialogue has each thing once.

    Attributes:
        type: what kind of thing.
        stem: the part of the name that is its own; no two things of a dialogue share one.
        names: the surface forms, the customary one first.
        keys: the same forms as `normalize` leaves them, for finding them in a text.
        forms: for every name, what it is: ``""`` for the whole name, ``"plural"`` or ``"head"`` (without article).
        gender: ``"m"`` or ``"f"`` for a person, else ``""``.
    """

    type: Type
    stem: str
    names: tuple[str, ...]
    keys: tuple[str, ...]
    forms: tuple[str, ...]
    gender: str = ""

    @property
    def name(self) -> str:
        """The customary surface form."""
        return self.names[0]

    def name_in(self, form: str) -> str:
        """Return the customary name in this form: the first of `named`."""
        return self.names[self.forms.index(form)] if form in self.forms else self.names[0]

    def named(self, form: str) -> tuple[str, ...]:
        """Return the names that can stand in a hole of this form, the customary one first."""
        wanted = form if form in self.forms else ""
        return tuple([name for name, own in zip(self.names, self.forms, strict=True) if own == wanted])


@dataclass(frozen=True, slots=True, eq=False)
class Intent:
    """A predicate with typed slots.

    Compared and hashed by identity, and pickled by name: there are no others than those of `INTENTS`.

    Attributes:
        name: of the predicate.
        slots: names of its roles, in order.
        types: the type of each role.
        act: a question, a request, or a request not to.
        answer: what kind of answer the service gives.
        number: its place in `INTENTS`.
    """

    name: str
    slots: tuple[str, ...]
    types: tuple[Type, ...]
    act: Act
    answer: AnswerKind
    number: int

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the name."""
        return _intent_named, (self.name,)


def _intent_named(name: str) -> Intent:
    return INTENTS[name]


class Clause(NamedTuple):
    """One request: an intent with an entity in every slot."""

    intent: Intent
    fill: tuple[Entity, ...]


Frame = tuple[Clause, ...]
"""The meaning of one utterance: one clause, or several."""


_TABLE: tuple[tuple[str, str, Act, AnswerKind], ...] = (
    ("where", "parcel", "ask", "place"),
    ("arrive", "parcel", "ask", "moment"),
    ("weight", "parcel", "ask", "kilos"),
    ("phone", "person", "ask", "number"),
    ("home", "person", "ask", "home"),
    ("rate", "hotel", "ask", "money"),
    ("breakfast", "hotel", "ask", "breakfast"),
    ("status", "order", "ask", "shipped"),
    ("total", "order", "ask", "money"),
    ("price", "product", "ask", "money"),
    ("reroute", "parcel city", "do", "done"),
    ("hold", "parcel", "forbid", "held"),
    ("parcels", "person", "ask", "parcels"),
    ("courier", "person", "ask", "courier"),
    ("tint", "product colour", "ask", "money"),
    ("stock", "product shop", "ask", "stock"),
    ("buy", "product count", "do", "done"),
    ("ship", "product city", "ask", "days"),
    ("cancel", "order", "do", "done"),
    ("keep", "order", "forbid", "held"),
    ("weather", "city day", "ask", "weather"),
    ("hotels", "city", "ask", "hotels"),
    ("book", "hotel nights", "do", "done"),
    ("train", "origin city day", "ask", "clock"),
)

_TYPE_OF: dict[str, Type] = {
    "parcel": "parcel", "city": "city", "origin": "city", "person": "person", "product": "product",
    "colour": "colour", "shop": "shop", "count": "count", "order": "order", "day": "day", "hotel": "hotel",
    "nights": "nights",
}  # fmt: skip

INTENTS: dict[str, Intent] = {
    name: Intent(name, tuple(slots.split()), tuple(_TYPE_OF[s] for s in slots.split()), act, answer, number)
    for number, (name, slots, act, answer) in enumerate(_TABLE)
}
"""Every intent by name."""

NAMING: dict[AnswerKind, Type] = {
    "place": "city", "home": "city", "courier": "person", "parcels": "parcel", "hotels": "hotel",
}  # fmt: skip
"""The answers that name things, and of which type."""

LISTING: frozenset[AnswerKind] = frozenset(["parcels", "hotels"])
"""Those that name several."""
