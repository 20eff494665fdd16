"""Files of training rows: JSON lines, checked line by line, read one row at a time.

Three forms, each line one object; what else it holds (``kind``, ``source``, ``impression_id`` ...) is left alone:

    messages    {"messages": [{"role": ..., "content": ...}, ...], "tools": [...]}     the last one by the assistant
    preference  {"prompt": [...], "chosen": [...], "rejected": [...], "tools": [...]}
    unpaired    {"prompt": [...], "completion": [...], "label": true, "tools": [...]}

Of ``messages`` every assistant message is learned, or the last alone where a row says ``"learn": "last"``: what came
before it may be what a policy said, and not what it should say.

A message may have a ``name`` and a ``call_id``. A tool call stands in ``content``, in the model's own call format.
``tools`` may be left out; each is a JSON Schema, as an object or as JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, cast

import numpy as np
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from agents.rows.demonstration import Demonstration
from agents.rows.kinds import kind_of
from agents.rows.on_demand import Joined, OnDemand
from textenvs.corpus_file import Problem, find_file, refuse
from textenvs.errors import CorpusError
from textenvs.messages import ROLES

Form = Literal["messages", "preference", "unpaired"]

Row = Mapping[str, Any]
T = TypeVar("T")

_MESSAGE = {
    "type": "object",
    "required": ["role", "content"],
    "properties": {
        "role": {"enum": list(ROLES)},
        "content": {"type": "string"},
        "name": {"type": "string"},
        "call_id": {"type": "string"},
        "tool_calls": {"type": "null"},
    },
}
_MESSAGES = {"type": "array", "minItems": 1, "items": _MESSAGE}
_TOOLS = {"type": "array", "items": {"type": ["string", "object"]}}


def _schema(**properties: Any) -> Draft202012Validator:
    every = {**properties, "tools": _TOOLS, "kind": {"type": "string"}, "learn": {"enum": ["all", "last"]}}
    return Draft202012Validator({"type": "object", "required": list(properties), "properties": every})


_SCHEMAS: Mapping[Form, Draft202012Validator] = {
    "messages": _schema(messages=_MESSAGES),
    "preference": _schema(prompt=_MESSAGES, chosen=_MESSAGES, rejected=_MESSAGES),
    "unpaired": _schema(prompt=_MESSAGES, completion=_MESSAGES, label={"type": "boolean"}),
}
_ANSWERS: Mapping[Form, tuple[str, ...]] = {
    "messages": ("messages",),
    "preference": ("chosen", "rejected"),
    "unpaired": ("completion",),
}


class Line(NamedTuple):
    """One line of a file of rows.

    Attributes:
        number: from 1.
        start: where it begins in the file, in bytes.
        row: what it holds; None where it is malformed.
        problem: what is wrong with it; ``""`` where nothing is.
    """

    number: int
    start: int
    row: Row | None
    problem: str


def form_of(row: Row) -> Form:
    """Return the form that a row has, by its keys."""
    if "chosen" in row or "rejected" in row:
        return "preference"
    return "unpaired" if "completion" in row or "label" in row else "messages"


def read_lines(path: str | Path, form: Form | None = None) -> Iterator[Line]:
    """Yield the lines of a file that are not empty, each of them checked.

    Args:
        path: of the file.
        form: that every row must have; None takes each row for what its keys say.

    Raises:
        CorpusError: if there is no such file.
    """
    with find_file(path).open("rb") as file:
        start = 0
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _check(number, start, line, form)
            start += len(line)


class LineFile(OnDemand[T]):
    """The rows of a file, which may be larger than memory: it is checked once, and read row by row.

    What stays in memory is a kind and two numbers for every row.

    Args:
        path: of the file.
        form: of its rows.
        parse: makes of a row, and where it stands, what this is a sequence of; raises `CorpusError` where it cannot.

    Attributes:
        path: of the file.
        kinds: of each row, in order; see `agents.rows.kinds`.

    Raises:
        CorpusError: if there is no such file, or lines of it are malformed; the first five are named, with the reason.
    """

    def __init__(self, path: str | Path, form: Form, parse: Callable[[Row, str], T]) -> None:
        self.path, self._parse = find_file(path), parse
        self.kinds: list[str] = []
        places: list[tuple[int, int]] = []
        problems: list[Problem] = []
        for line in read_lines(path, form):
            try:
                if line.row is None:
                    raise CorpusError(line.problem)
                parse(line.row, self._origin(line.number))
            except CorpusError as error:
                problems.append(Problem(line.number, str(error)))
            else:
                self.kinds.append(kind_of(line.row))
                places.append((line.number, line.start))
        refuse(problems, self.path, form)
        self._places = np.array(places, dtype=np.int64).reshape(-1, 2)

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self._places)

    def make(self, place: int) -> T:
        """Read the row at a place."""
        number, start = self._places[place]
        with self.path.open("rb") as file:
            file.seek(start)
            return self._parse(json.loads(file.readline().decode("utf-8-sig")), self._origin(number))

    def _origin(self, number: int) -> str:
        return f"{self.path.name}:{number}"


class RowFile(LineFile[Demonstration]):
    """Demonstrations in a file of form ``"messages"``; see `LineFile`."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, "messages", lambda row, _: demonstration_of(row))


class RowFiles(Joined[Demonstration]):
    """The rows of several files, one file after the other.

    Args:
        paths: of the files.

    Attributes:
        kinds: of each row, in order.

    Raises:
        CorpusError: as for a `RowFile`.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        files = [RowFile(path) for path in paths]
        super().__init__(files)
        self.kinds = [kind for file in files for kind in file.kinds]


def demonstration_of(row: Row) -> Demonstration:
    """Return what a row of form ``"messages"`` demonstrates."""
    return Demonstration(tuple(row["messages"]), tools_of(row), kind_of(row), row.get("learn") == "last")


def tools_of(row: Row) -> tuple[str, ...]:
    """Return the tools that a row offers, each as JSON text."""
    tools: Sequence[Any] = row.get("tools") or ()
    return tuple(tool if isinstance(tool, str) else json.dumps(tool, ensure_ascii=False) for tool in tools)


def _check(number: int, start: int, line: bytes, form: Form | None) -> Line:
    """Return a line with its row, or with what is wrong with it."""
    try:
        found: Any = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Line(number, start, None, f"the text is not UTF-8 ({error.reason} at byte {error.start} of the line)")
    except (json.JSONDecodeError, RecursionError) as error:
        return Line(number, start, None, f"not valid JSON: {error}")
    if not isinstance(found, dict):
        return Line(number, start, None, f'a row is an object, such as {{"messages": [...]}}; found {found!r:.40}')
    row = cast(Row, found)
    problem = problem_with(row, form or form_of(row))
    return Line(number, start, None if problem else row, problem)


def problem_with(row: Row, form: Form) -> str:
    """Return what is wrong with a row of this form; ``""`` if nothing is."""
    if error := best_match(_SCHEMAS[form].iter_errors(row)):
        return _explain(error.json_path.removeprefix("$").removeprefix("."), error.message)
    for name in _ANSWERS[form]:
        last = row[name][-1]
        if last["role"] != "assistant":
            return f"{name}: the last message must be the assistant's, which is learned; it is by {last['role']!r}"
    opening = row["messages" if form == "messages" else "prompt"]
    if form == "messages" and len(opening) - (opening[0]["role"] == "system") < 2:
        return "messages: there is nothing before the assistant's message that it could answer"
    for place, message in enumerate(opening):
        if place and message["role"] == "system":
            return f"messages[{place}]: a system message stands first, or nowhere"
    return _problem_with_tools(row)


def _problem_with_tools(row: Row) -> str:
    for place, tool in enumerate(tools_of(row)):
        try:
            schema = json.loads(tool)
        except json.JSONDecodeError as error:
            return f"tools[{place}]: not valid JSON: {error}"
        if not isinstance(schema, dict):
            return f"tools[{place}]: a tool is a JSON Schema, an object"
    return ""


def _explain(place: str, message: str) -> str:
    if place.endswith("tool_calls"):
        return f"{place}: write the call into content, in the model's own call format"
    return f"{place}: {message}" if place else message
