"""One's own tasks: a JSON Lines file, one task a line.

==============  ======================================================================================================
``messages``    The conversation, as ``[{"role": "user", "content": "..."}]``; the roles are user, assistant and tool,
                and the last one is the user's. The only entry that must be there.
``calls``       Expected calls, as ``[{"name": "f", "arguments": {"x": 1}}]``. An argument that may have several values
                is ``{"any_of": [1, 2]}``; with ``"optional": true`` beside it, it may be left out.
``ordered``     True if they depend on one another and must come in this order.
``decision``    ``"call"``, ``"ask"``, ``"answer"`` or ``"refuse"``. By default ``"call"`` where there are calls,
                ``"ask"`` where there are names, else call and answer are both right.
``names``       What a question or refusal must name: texts, or lists of forms any of which will do.
``facts``       What the final answer must say, likewise. A fact must be in a tool's result or in the conversation.
``state``       What the public attributes of the tools' objects must be at the end; those not given are free.
``checker``     ``"pkg.mod:fn"``, called with the `Progress` at the end; returns a number in [0, 1].
``answer``      What the oracle says at the end.
``id``          By default the file and line.
``context``     What the agent is told besides the instruction, such as the date.
``split``       ``"train"``, ``"valid"`` or ``"test"``; by default drawn from the first message.
==============  ======================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from textenvs.corpus_file import Problem, find_file, read_text, refuse
from textenvs.envs.toolcall.records import Row, language_of, rows
from textenvs.envs.toolcall.types import Decision, Expectation, ExpectedArgument, ExpectedCall, Task
from textenvs.envs.toolcall.wording import record
from textenvs.errors import CorpusError
from textenvs.messages import ToolCall
from textenvs.seeding import SPLITS
from textenvs.tools import Toolbox

_TEXT = {"type": "string"}
_FORMS = {"type": "array", "items": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}}
_MESSAGE = {
    "type": "object",
    "properties": {"role": {"enum": ["user", "assistant", "tool"]}, "content": _TEXT},
    "required": ["role", "content"],
}
_CALL = {
    "type": "object",
    "properties": {"name": _TEXT, "arguments": {"type": "object"}},
    "required": ["name"],
    "additionalProperties": False,
}
TASK_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "id": _TEXT,
        "messages": {"type": "array", "items": _MESSAGE, "minItems": 1},
        "calls": {"type": "array", "items": _CALL},
        "ordered": {"type": "boolean"},
        "decision": {"enum": ["call", "ask", "answer", "refuse"]},
        "names": _FORMS,
        "facts": _FORMS,
        "state": {"type": "object"},
        "checker": {"type": "string", "pattern": r"^[\w.]+:\w+$"},
        "answer": _TEXT,
        "context": _TEXT,
        "split": {"enum": list(SPLITS)},
    },
    "required": ["messages"],
    "additionalProperties": False,
}
"""JSON Schema of a row; see the module's docstring."""

_VALIDATOR: Any = Draft202012Validator(TASK_SCHEMA)


def load_tasks(path: str | Path, toolbox: Toolbox) -> tuple[Task, ...]:
    """Read one's own tasks.

    Args:
        path: of the file.
        toolbox: the tools that they are about; what is expected must be possible with them.

    Raises:
        CorpusError: if the file is missing, empty or malformed; file, line and reason of the first five are given.
    """
    file = find_file(path)
    read = rows(read_text(file))
    made = [one if isinstance(one, Problem) else _read(one[0], one[1], file, toolbox) for one in read]
    refuse([one for one in made if isinstance(one, Problem)], file, "tasks")
    if not made:
        raise CorpusError(f"{file}: there is no task in it; see textenvs.envs.toolcall.own for what a row holds")
    return tuple(one for one in made if isinstance(one, Task))


def _read(number: int, row: Row, file: Path, toolbox: Toolbox) -> Task | Problem:
    errors = cast("Iterable[ValidationError]", _VALIDATOR.iter_errors(row))
    for error in errors:
        return Problem(number, f"{str(error.json_path).removeprefix('$.')}: {error.message[:300]}")
    try:
        return _task(f"{file.name}:{number}", row, toolbox)
    except ValueError as problem:
        return Problem(number, str(problem))


def _task(name: str, row: Row, toolbox: Toolbox) -> Task:
    said = [(str(message["role"]), str(message["content"])) for message in row["messages"]]
    if said[-1][0] != "user":
        raise ValueError("messages: the last one must be the user's")
    calls = tuple(_expected(call, toolbox) for call in row.get("calls", ()))
    expectation = Expectation(
        _decisions(row),
        calls,
        ordered=row.get("ordered", False),
        names=_forms(row.get("names", ())),
        facts=_forms(row.get("facts", ())),
        state=row.get("state"),
        checker=row.get("checker", ""),
        answer=row.get("answer", ""),
    )
    language = language_of(said[-1][1])
    return Task(
        row.get("id", name),
        language,
        record(said, language),
        (),
        expectation,
        context=row.get("context", ""),
        group=said[0][1],
        split=row.get("split"),
    )


def _decisions(row: Row) -> tuple[Decision, ...]:
    if decision := row.get("decision"):
        if row.get("calls") and decision != "call":
            raise ValueError(f'decision: {decision!r} contradicts "calls"; leave one out')
        return (decision,)
    if row.get("calls"):
        return ("call",)
    if row.get("names"):
        return ("ask",)
    if not any(key in row for key in ("facts", "state", "checker")):
        raise ValueError('nothing is expected; give "calls", "decision", "names", "facts", "state" or "checker"')
    return ("call", "answer")


def _forms(listed: Sequence[str | Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple((one,) if isinstance(one, str) else tuple(one) for one in listed)


def _expected(call: Mapping[str, Any], toolbox: Toolbox) -> ExpectedCall:
    name = call["name"]
    if name not in toolbox.tools:
        raise ValueError(f"calls: there is no tool {name!r}; the tools are {', '.join(toolbox.tools)}")
    arguments = {key: _argument(value) for key, value in call.get("arguments", {}).items()}
    example = {key: one.accepted[0] for key, one in arguments.items() if not one.optional}
    for key, one in arguments.items():
        for value in one.accepted:
            if problem := toolbox.problem(ToolCall(name, {**example, key: value})):
                raise ValueError(f"calls: {name}: {problem}")
    if problem := toolbox.problem(ToolCall(name, example)):
        raise ValueError(f"calls: {name}: {problem}")
    return ExpectedCall(name, arguments, example)


def _argument(value: Any) -> ExpectedArgument:
    if isinstance(value, dict):
        options = cast("dict[str, Any]", value)
        if "any_of" in options and options.keys() <= {"any_of", "optional"}:
            values = options["any_of"]
            if not isinstance(values, list) or not values:
                raise ValueError('calls: "any_of" is a list of the values that are right')
            return ExpectedArgument(tuple(cast("list[Any]", values)), options.get("optional") is True)
    return ExpectedArgument((cast("Any", value),))
