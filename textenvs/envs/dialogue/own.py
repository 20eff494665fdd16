"""One's own goals and knowledge base: a JSON file.

==============  ======================================================================================================
``language``    ``"zh"`` or ``"en"``.
``noun``        What the candidates are, such as ``"flight"``.
``slots``       At least one: ``{"name": "price", "values": ["cheap", "dear"]}``, with two values or more. `phrases`
                says how each value stands beside the noun (``["at a low price", "at a high price"]``); `forms` has
                other words by which a question about the slot can be told.
``candidates``  At least two: ``{"name": "Morning Star", "detail": "LX 18", "values": {"price": "cheap"}}``, with a
                value for every slot. `detail` is what is told who wants one explained.
``goals``       At least one: ``{"intent": "book", "wants": {"price": "cheap"}}``. `intent` is ``"recommend"``,
                ``"book"`` or ``"explain"``; slots not wanted are free. `stated` lists what the request tells (by
                default the first slot that is wanted); `says` is the request in words of its own, which must be about
                what is stated and no more. `split` is ``"train"``, ``"valid"`` or ``"test"``; by default it is drawn
                from the goal. `id` names it.
==============  ======================================================================================================

An example, ``examples/goals.json``, comes with the project. How a goal's user talks and behaves is drawn from the bank
of the split, as in the generated world. There, users tell at once what cannot be had; where a goal of one's own shows
late that it cannot, the best known policy first takes the last value for a slip of the tongue.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator

from textenvs.corpus_file import find_file, read_text
from textenvs.envs.dialogue.knowledge import KnowledgeBase
from textenvs.envs.dialogue.lexicon import Lexicon
from textenvs.envs.dialogue.types import Catalogue, SlotWords, ValueWords
from textenvs.errors import CorpusError
from textenvs.seeding import SPLITS, Split, split_of
from textenvs.tools import MalformedJSONError, read_json
from textenvs.users.core import ANSWERS, FREE, Move, MoveKind

_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"type": "array", "items": _TEXT}


def _object(required: Sequence[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _many(item: Mapping[str, Any], least: int) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": least}


GOALS_SCHEMA: Mapping[str, Any] = _object(
    ("language", "noun", "slots", "candidates", "goals"),
    language={"enum": ["zh", "en"]},
    noun=_TEXT,
    slots=_many(_object(("name", "values"), name=_TEXT, values=_many(_TEXT, 2), phrases=_TEXTS, forms=_TEXTS), 1),
    candidates=_many(
        _object(
            ("name", "detail", "values"),
            name=_TEXT,
            detail=_TEXT,
            values={"type": "object", "additionalProperties": _TEXT},
        ),
        2,
    ),
    goals=_many(
        _object(
            ("intent", "wants"),
            id=_TEXT,
            intent={"enum": list(ANSWERS)},
            wants={"type": "object", "additionalProperties": _TEXT},
            stated=_TEXTS,
            says=_TEXT,
            split={"enum": list(SPLITS)},
        ),
        1,
    ),
)
"""JSON Schema of the file; see the module's docstring."""

_VALIDATOR: Any = Draft202012Validator(GOALS_SCHEMA)


@dataclass(frozen=True, slots=True)
class OwnGoal:
    """One goal of the file.

    Attributes:
        name: of the goal.
        intent: the kind of answer that is wanted.
        wants: by slot, the value that is wanted, or `FREE`.
        stated: by slot, whether the request tells it.
        says: the request in its own words; ``""`` where it is worded by the world.
        split: that it belongs to.
    """

    name: str
    intent: MoveKind
    wants: tuple[int, ...]
    stated: tuple[bool, ...]
    says: str
    split: Split


class OwnFile:
    """A file of one's own goals, read and checked.

    Args:
        path: of the file.

    Attributes:
        catalogue: what there is.
        goals: of all splits.

    Raises:
        CorpusError: if the file is missing or malformed, or an entry is empty, contradicts another or names a slot or
            value that there is not; the entry is named.
    """

    def __init__(self, path: str | Path) -> None:
        file = find_file(path)
        try:
            self._data: Mapping[str, Any] = read_json(read_text(file))
        except MalformedJSONError as error:
            raise CorpusError(f"{file}: no valid JSON: {error}") from None
        try:
            self._check_shape()
            self.catalogue = self._catalogue()
            self.goals = tuple(self._goal(number, goal) for number, goal in enumerate(self._data["goals"]))
        except ValueError as problem:
            raise CorpusError(f"{file}: {problem}") from None

    def _check_shape(self) -> None:
        for error in _VALIDATOR.iter_errors(self._data):
            raise ValueError(f"{str(error.json_path).removeprefix('$.')}: {error.message[:300]}")

    def _catalogue(self) -> Catalogue:
        slots = tuple(_slot(number, slot) for number, slot in enumerate(self._data["slots"]))
        _distinct("slots", [slot.name for slot in slots])
        listed = self._data["candidates"]
        rows = tuple(self._row(f"candidates[{n}].values", one["values"], slots) for n, one in enumerate(listed))
        kb = KnowledgeBase(tuple(len(slot.values) for slot in slots), rows, (1.0 / len(rows),) * len(rows))
        names, details = (tuple(str(one[key]) for one in listed) for key in ("name", "detail"))
        catalogue = Catalogue(self._data["language"], self._data["noun"], slots, names, details, kb)
        _check_understood(catalogue)
        return catalogue

    def _row(self, entry: str, values: Mapping[str, str], slots: Sequence[SlotWords]) -> tuple[int, ...]:
        row = _positions(entry, values, slots)
        missing = [slot.name for slot, value in zip(slots, row, strict=True) if value == FREE]
        if missing:
            raise ValueError(f"{entry}: there is no value for {', '.join(missing)}")
        return row

    def _goal(self, number: int, goal: Mapping[str, Any]) -> OwnGoal:
        entry, slots = f"goals[{number}]", self.catalogue.slots
        wants = _positions(f"{entry}.wants", goal["wants"], slots)
        names = [slot.name for slot in slots]
        first = [name for name, want in zip(names, wants, strict=True) if want != FREE][:1]
        stated = cast("list[str]", goal.get("stated", first))
        for name in stated:
            _known(f"{entry}.stated", "slot", name, names)
            if wants[names.index(name)] == FREE:
                raise ValueError(f"{entry}.stated: {name!r} is not among what is wanted")
        drawn = split_of(json.dumps(goal, sort_keys=True))
        told = tuple(name in stated for name in names)
        name = str(goal.get("id", f"goal {number}"))
        return OwnGoal(name, goal["intent"], wants, told, goal.get("says", ""), goal.get("split", drawn))


def _slot(number: int, slot: Mapping[str, Any]) -> SlotWords:
    values: list[str] = slot["values"]
    _distinct(f"slots[{number}].values", values)
    phrases: list[str] = slot.get("phrases", values)
    if len(phrases) != len(values):
        raise ValueError(f"slots[{number}].phrases: there are {len(phrases)} for {len(values)} values")
    named = tuple(ValueWords(value, phrase) for value, phrase in zip(values, phrases, strict=True))
    return SlotWords(slot["name"], named, tuple(slot.get("forms", ())))


def _positions(entry: str, values: Mapping[str, str], slots: Sequence[SlotWords]) -> tuple[int, ...]:
    """Return values by slot as positions, `FREE` where there is none."""
    names = [slot.name for slot in slots]
    for name in values:
        _known(entry, "slot", name, names)
    found = [FREE] * len(slots)
    for place, slot in enumerate(slots):
        if slot.name in values:
            options = [value.name for value in slot.values]
            _known(f"{entry}.{slot.name}", "value", values[slot.name], options)
            found[place] = options.index(values[slot.name])
    return tuple(found)


def _known(entry: str, kind: str, given: str, valid: Sequence[str]) -> None:
    if given not in valid:
        near = difflib.get_close_matches(given, valid, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(valid)}"
        raise ValueError(f"{entry}: there is no {kind} {given!r}; {hint}")


def _distinct(entry: str, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ValueError(f"{entry}[{number}]: {name!r} is there twice")


def _check_understood(catalogue: Catalogue) -> None:
    """Refuse names that an agent could not use without being misunderstood."""
    lexicon = Lexicon(catalogue)
    for slot, words in enumerate(catalogue.slots):
        if lexicon.read(lexicon.write(Move("ask", slot), False)) != Move("ask", slot):
            raise ValueError(f"slots[{slot}]: a question about {words.name!r} is taken for something else")
    for number, name in enumerate(catalogue.names):
        for kind in ANSWERS:
            move = Move(kind, FREE, number)
            if lexicon.read(lexicon.write(move, False)) != move:
                raise ValueError(f"candidates[{number}]: {name!r} cannot be told from another candidate or a cue")
