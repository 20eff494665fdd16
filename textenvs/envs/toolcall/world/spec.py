"""What a service is, as data: a table, how people talk about it, and which tools there are for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from textenvs.envs.toolcall.world.kinds import Kind, Ref, Words, both

Verb = Literal["look", "find", "browse", "match", "add", "change", "drop", "convert"]
"""The mechanisms: read a record, find its id by title, page through all, list those with some value a few at a time,
create, change a field, remove, compute."""

WRITES: tuple[Verb, ...] = ("add", "change", "drop")


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One column of a service's table.

    Attributes:
        name: of the column, and of the tools' parameter.
        label: what people call it.
        kind: of its values.
        clause: how a request states it, with ``{v}``; ``""`` if requests never do.
        default: what a record gets where a request does not state it; None for what must be stated.
    """

    name: str
    label: Words
    kind: Kind
    clause: Words = field(default_factory=lambda: both("", ""))
    default: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One service.

    Attributes:
        name: in tools' names.
        noun: what people call a record.
        letter: that ids begin with.
        fields: the columns beside ``id``.
        key: the columns by which a record is read.
        known_as: how people refer to a record by its key, with the key's fields and ``noun`` in braces.
        title: the column by which a record is found and listed; ``""`` without one.
        stated: the fields that a new record is given.
        verbs: which tools there are; "change" stands for one for each of `changeable`, "match" of `listed_by`.
        changeable: the fields that can be changed.
        listed_by: the fields by whose values records can be listed.
        acts: how people ask for "add" and "drop", with ``{noun}``.
        editions: qualifiers of near-identical tools for separate records of one table; empty without any.
    """

    name: str
    noun: Words
    letter: str
    fields: tuple[Field, ...]
    verbs: tuple[Verb, ...]
    key: tuple[str, ...] = ("id",)
    known_as: Words = field(default_factory=lambda: both("{noun}{id}", "{noun} {id}"))
    title: str = ""
    stated: tuple[str, ...] = ()
    changeable: tuple[str, ...] = ()
    listed_by: tuple[str, ...] = ()
    acts: Mapping[Verb, Words] = field(default_factory=dict["Verb", "Words"])
    editions: Mapping[str, Words] = field(default_factory=dict[str, "Words"])

    def field(self, name: str) -> Field:
        """Return the field called `name`."""
        return next(one for one in self.fields if one.name == name)

    @property
    def refs(self) -> tuple[tuple[Field, str], ...]:
        """The fields that hold another record's id, each with the name of that record's service."""
        return tuple((one, one.kind.service) for one in self.fields if isinstance(one.kind, Ref))

    @property
    def plain_fields(self) -> tuple[Field, ...]:
        """The fields that hold a value of their own."""
        return tuple(one for one in self.fields if not isinstance(one.kind, Ref) and one.name not in self.key)
