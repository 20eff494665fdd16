"""The Berkeley Function-Calling Leaderboard: single-turn files of its fourth version.

A row holds the question and the functions; the answers stand in a file of their own, as calls whose arguments list
every value that is right. The file of irrelevant functions has no answers: every call is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def read_row(row: Row, answer: Row | None) -> Task:
    """Return the task of one row.

    Args:
        row: the question.
        answer: the row of the answers with its id; None where no call is right.

    Raises:
        ValueError: if a row is malformed; the message says why.
    """
    turns = entry(row, "question", list)
    if len(turns) != 1:
        raise ValueError(f'"question" has {len(turns)} turns; only single-turn rows can be played')
    said = "\n".join(entry(message, "content", str) for message in turns[0] if message.get("role") == "user")
    if not said:
        raise ValueError('"question" has no message of the user')
    tools = tuple(tool_from(function) for function in entry(row, "function", list))
    task = Task(str(row.get("id", "")), language_of(said), said, tools, Expectation(TEXT_DECISIONS), group=said)
    if answer is None:
        return task
    schemas = task.schemas()
    calls = tuple(_expected(call, schemas) for call in entry(answer, "ground_truth", list))
    expectation = Expectation(("call",), calls, rules="bfcl")
    return Task(task.task_id, task.language, said, tools, expectation, group=said)


def _expected(call: Any, schemas: Mapping[str, Schema]) -> ExpectedCall:
    if not isinstance(call, dict) or len(cast("dict[str, Any]", call)) != 1:
        raise ValueError("an answer is an object with one function's name and its arguments")
    (name, accepted), *_ = cast("dict[str, Any]", call).items()
    if name not in schemas:
        raise ValueError(f"the answer calls {name!r}, which is not on offer")
    arguments: dict[str, ExpectedArgument] = {}
    for parameter, values in accepted.items():
        if not isinstance(values, list):
            raise ValueError(f"the answer's {parameter!r} of {name!r} is no list of accepted values")
        listed = cast("list[Any]", values)
        arguments[parameter] = ExpectedArgument(tuple(listed), "" in listed)
    return ExpectedCall(name, arguments, _example(arguments, schemas[name]))


def _example(arguments: Mapping[str, ExpectedArgument], schema: Schema) -> dict[str, Any]:
    """Return arguments that are right: the first accepted values, without what may be left out."""
    required = schema.get("required", ())
    properties = schema.get("properties", {})
    return {
        name: _concrete(_first(one.accepted), properties[name])
        for name, one in arguments.items()
        if name in properties and (name in required or not one.optional)
    }


def _first(values: Sequence[Any]) -> Any:
    return next((value for value in values if value != ""), "")


def _concrete(value: Any, schema: Schema) -> Any:
    """Return a value with one alternative chosen for every field of its objects."""
    if isinstance(value, dict) and schema.get("type") == "object":
        fields = cast("dict[str, list[Any]]", value)
        return {name: _first(options) for name, options in fields.items() if "" not in options}
    if isinstance(value, list) and schema.get("items", {}).get("type") == "object":
        return [_concrete(one, schema["items"]) for one in cast("list[Any]", value)]
    return cast("Any", value)
