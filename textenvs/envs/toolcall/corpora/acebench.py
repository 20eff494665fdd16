"""ACEBench: its files of normal and special tasks, Chinese or English.

A row holds the conversation as one text whose lines begin with ``user:`` or ``system:`` (the assistant), the
functions and the date; the answers stand in a file of their own. What an answer means follows from the row's id:

==========================  ========================================================================
``normal_...``              calls: arguments by name; a function that is called several times is
                            numbered (``book_1``, ``book_2``)
``special_incomplete_...``  parameters that are missing, by function: ask, naming them
``special_error_param_...`` values that cannot be right, by parameter: say so, naming both
``special_irrelevant_...``  no function fits: say so
==========================  ========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from textenvs.envs.toolcall.corpora.schemas import tool_from
from textenvs.envs.toolcall.records import Row, entry, language_of
from textenvs.envs.toolcall.types import (
    TEXT_DECISIONS,
    Expectation,
    ExpectedArgument,
    ExpectedCall,
    Schema,
    Task,
)
from textenvs.envs.toolcall.wording import record

_LINE = re.compile(r"^(user|system): ?", re.MULTILINE)
_ROLES = {"user": "user", "system": "assistant"}


def read_row(row: Row, answer: Row | None) -> Task:
    """Return the task of one row.

    Args:
        row: the conversation.
        answer: the row of the answers with its id.

    Raises:
        ValueError: if a row is malformed; the message says why.
    """
    if answer is None:
        raise ValueError("there is no answer with this id")
    name, text = entry(row, "id", str), entry(row, "question", str)
    category = next((prefix for prefix in _EXPECTATIONS if name.startswith(prefix)), None)
    if category is None:
        raise ValueError(f"the id {name!r} is of no known category: {', '.join(_EXPECTATIONS)}")
    said = _conversation(text)
    tools = tuple(tool_from(function) for function in entry(row, "function", list))
    language = language_of(text)
    task = Task(name, language, record(said, language), tools, Expectation(TEXT_DECISIONS))
    expectation = _EXPECTATIONS[category](answer.get("ground_truth"), task.schemas())
    return Task(name, language, task.opening, tools, expectation, str(row.get("time", "")), group=said[0][1])


def _conversation(text: str) -> list[tuple[str, str]]:
    """Return the roles and words of a conversation; it begins and ends with the user.

    Raises:
        ValueError: if it does not.
    """
    before, *parts = _LINE.split(text)
    said = [(_ROLES[role], words.strip()) for role, words in zip(parts[::2], parts[1::2], strict=True)]
    if before.strip() or not said or said[0][0] != "user" or said[-1][0] != "user":
        raise ValueError('"question" must begin and end with a line of "user:"')
    return said


def _calls(truth: Any, schemas: Mapping[str, Schema]) -> Expectation:
    calls = tuple(_expected(name, arguments, schemas) for name, arguments in _object(truth).items())
    return Expectation(("call",), calls, rules="acebench")


def _expected(name: str, arguments: Any, schemas: Mapping[str, Schema]) -> ExpectedCall:
    plain = name if name in schemas else re.sub(r"_\d+$", "", name)
    if plain not in schemas:
        raise ValueError(f"the answer calls {name!r}, which is not on offer")
    given = _object(arguments)
    return ExpectedCall(plain, {key: ExpectedArgument((value,)) for key, value in given.items()}, given)


def _incomplete(truth: Any, schemas: Mapping[str, Schema]) -> Expectation:
    missing = [str(one) for names in _object(truth).values() for one in _list(names)]
    decoys = sorted({name for schema in schemas.values() for name in _parameters(schema)} - set(missing))
    return Expectation(("ask",), names=tuple((name,) for name in missing), decoys=tuple(decoys))


def _error(truth: Any, schemas: Mapping[str, Schema]) -> Expectation:
    wrong = _object(truth)
    values = [str(value) for listed in wrong.values() for value in _list(listed)]
    decoys = sorted({name for schema in schemas.values() for name in _parameters(schema)} - wrong.keys())
    names = tuple((name,) for name in [*wrong, *values])
    return Expectation(TEXT_DECISIONS, names=names, decoys=tuple(decoys))


def _irrelevant(truth: Any, schemas: Mapping[str, Schema]) -> Expectation:
    return Expectation(("refuse",), answer=str(truth))


_EXPECTATIONS: Mapping[str, Callable[[Any, Mapping[str, Schema]], Expectation]] = {
    "normal_": _calls,
    "special_incomplete_": _incomplete,
    "special_error_param_": _error,
    "special_irrelevant_": _irrelevant,
}


def _parameters(schema: Schema) -> Iterator[str]:
    """Yield the names of all parameters, those inside objects and arrays too."""
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from _parameters(inner)
    if "items" in schema:
        yield from _parameters(schema["items"])


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f'"ground_truth" must be an object here, not {type(value).__name__}')
    return cast("dict[str, Any]", value)


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ValueError(f'"ground_truth" must hold lists here, not {type(value).__name__}')
    return cast("list[Any]", value)
