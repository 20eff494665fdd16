"""Call formats: how models write tool calls, read strictly and in linear time.

What an agent says is one of three things: an answer (no trace of a call), one or more calls, or a malformed call. A
call that cannot be read never passes for an answer, whatever format it was meant for, and thinking is never read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from textenvs.errors import check_known
from textenvs.messages import ToolCall, strip_thinking
from textenvs.tools.strict_json import MAX_CHARACTERS, MalformedJSONError, read_json, write_json

MAX_CALLS = 64
"""Most calls in one action."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an action says.

    Attributes:
        calls: in order; empty for an answer.
        text: what stands outside the calls: the answer, or words that go with the calls.
        problem: why a call could not be read, in words for the agent; ``""`` where nothing is wrong.
    """

    calls: tuple[ToolCall, ...]
    text: str
    problem: str = ""


class _ProblemError(ValueError):
    """A call that cannot be read; the message is for the agent."""


@dataclass(frozen=True)
class CallFormat:
    """One way to write calls.

    Attributes:
        name: as settings know it.
        example: a call as the agent should write it; it is part of every complaint.
        split: separates an action into the JSON texts of its calls and the words outside; None: there is no call.
        read: makes a call of one decoded JSON object.
        write: renders calls.
    """

    name: str
    example: str
    split: Callable[[str], tuple[list[str], str] | None]
    read: Callable[[Mapping[str, Any]], ToolCall]
    write: Callable[[Sequence[ToolCall]], str]

    def parse(self, action: str) -> Parsed:
        """Read an action; total, for any text.

        Args:
            action: what the agent wrote, thinking included.
        """
        said = _without_thinking(strip_thinking(action))
        try:
            found = self.split(said)
            if found is None:
                return _as_answer(said, self)
            texts, words = found
            return Parsed(tuple(self._read(texts)), words)
        except _ProblemError as problem:
            return Parsed((), said, f"{problem}. Write a call like this: {self.example}")

    def render(self, calls: Sequence[ToolCall]) -> str:
        """Return the calls as an agent writes them."""
        return self.write(calls)

    def _read(self, texts: Sequence[str]) -> Iterator[ToolCall]:
        if len(texts) > MAX_CALLS:
            raise _ProblemError(f"{len(texts)} calls in one message; at most {MAX_CALLS} are run")
        for text in texts:
            value = _json(text)
            for one in cast("list[Any]", value) if isinstance(value, list) else [value]:
                if not isinstance(one, dict):
                    raise _ProblemError("a call must be a JSON object")
                yield self.read(cast("dict[str, Any]", one))


def _without_thinking(said: str) -> str:
    """Drop the thinking that does not stand at the beginning too; a block that is never closed swallows the rest."""
    before, *blocks = said.split("<think>")
    return before + "".join(block.partition("</think>")[2] for block in blocks)


def _json(text: str) -> Any:
    try:
        return read_json(text)
    except MalformedJSONError as error:
        raise _ProblemError(f"the call is no valid JSON: {error}") from None


_MARKERS = (
    *("<tool_call>", "</tool_call>", "<tool_calls>", "[TOOL_CALLS]", "<|python_tag|>"),
    *("<function=", "<function_call>", "<invoke "),
)

_LOOKED_AT = 20_000
"""Most characters that are searched for a call without a marker; no answer is as long."""

_CALL_AMONG_WORDS = re.compile(
    r'\{\s*"(?:(?:name|function|tool)"\s*:\s*"[^"]*"\s*,\s*"(?:arguments|parameters)"|(?:arguments|parameters)"\s*:\s*\{)'
)
_CALL_LIKE_A_PROGRAM = re.compile(r"[\[`\s]*[A-Za-z_][\w.]*\(\s*[A-Za-z_]\w*\s*=")


def _as_answer(said: str, expected: CallFormat) -> Parsed:
    """Return the text as an answer, unless it shows the trace of a call in some format."""
    plain = said.lower()
    marker = next((marker for marker in _MARKERS if marker.lower() in plain), None)
    if marker is not None:
        raise _ProblemError(f"{marker} is not how calls are written here")
    head = said[:_LOOKED_AT]
    if _starts_like_a_call(said) or _CALL_AMONG_WORDS.search(head) or _CALL_LIKE_A_PROGRAM.match(head):
        raise _ProblemError(f"this looks like a call, and {expected.name} calls are written otherwise")
    return Parsed((), said)


_FIRST_KEYS = ('"name"', '"function"', '"tool"', '"type"', '"arguments"', '"parameters"')


def _starts_like_a_call(said: str) -> bool:
    """Whether the text begins as a JSON object, or an array of them, whose first key is one of a call's."""
    head = said[:200].removeprefix("```json").lstrip("`[ \n\t")
    opened = head.startswith("{")
    return opened and head[1:].lstrip().startswith(_FIRST_KEYS)


def _call(body: Mapping[str, Any], key: str) -> ToolCall:
    """Return the call that an object with ``name`` and its arguments under `key` stands for."""
    name, arguments = body.get("name"), body.get(key, {})
    if not isinstance(name, str) or not name:
        raise _ProblemError('a call needs a "name", a string')
    if not isinstance(arguments, dict):
        raise _ProblemError(f'"{key}" must be a JSON object')
    unknown = sorted(body.keys() - {"name", key, "id", "type"})
    if unknown:
        raise _ProblemError(f"a call has no {unknown[0]!r}")
    call_id = body.get("id", "")
    return ToolCall(name, cast("dict[str, Any]", arguments), call_id if isinstance(call_id, str) else "")


def _body(call: ToolCall, key: str) -> dict[str, Any]:
    return {"name": call.name, key: dict(call.arguments)}


def _text(body: Any) -> str:
    """Return the body as JSON in which no string holds a marker, so that what is written is read as it was meant."""
    text = write_json(body)
    for marker in (*_MARKERS, "<think>", "</think>"):
        text = text.replace(marker, f"\\u{ord(marker[0]):04x}{marker[1:]}")
    return text


_OPEN, _CLOSE = "<tool_call>", "</tool_call>"


def _split_hermes(said: str) -> tuple[list[str], str] | None:
    if _OPEN not in said and _CLOSE not in said:
        return None
    texts: list[str] = []
    before, *blocks = said.split(_OPEN)
    words = [before]
    for block in blocks:
        text, closed, after = block.partition(_CLOSE)
        if not closed:
            raise _ProblemError(f"a {_OPEN} is not closed by {_CLOSE}")
        texts.append(text.strip())
        words.append(after)
    if any(_CLOSE in part for part in words):
        raise _ProblemError(f"a {_CLOSE} has no {_OPEN} before it")
    return texts, " ".join(part.strip() for part in words if part.strip())


def _write_hermes(calls: Sequence[ToolCall]) -> str:
    return "\n".join(f"{_OPEN}\n{_text(_body(call, 'arguments'))}\n{_CLOSE}" for call in calls)


_TAG = "<|python_tag|>"


def _split_llama(said: str) -> tuple[list[str], str] | None:
    before, tag, after = said.partition(_TAG)
    text = after if tag else said
    if not tag and not _starts_like_a_call(said):
        return None
    return _objects(text), before.strip() if tag else ""


def _objects(text: str) -> list[str]:
    """Cut ``{...}; {...}`` into its objects: a semicolon outside of strings and brackets ends one."""
    if len(text) > MAX_CHARACTERS:
        return [text]
    texts: list[str] = []
    start = depth = place = 0
    in_string = False
    while place < len(text):
        character = text[place]
        if in_string:
            place += character == "\\"
            in_string = character != '"'
        elif character == '"':
            in_string = True
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
        elif character == ";" and depth == 0:
            texts.append(text[start:place].strip())
            start = place + 1
        place += 1
    return [*texts, text[start:].strip()]


def _write_llama(calls: Sequence[ToolCall]) -> str:
    return "; ".join(_text(_body(call, "parameters")) for call in calls)


_TOOL_CALLS = "[TOOL_CALLS]"


def _split_mistral(said: str) -> tuple[list[str], str] | None:
    before, marker, after = said.partition(_TOOL_CALLS)
    return ([after.strip()], before.strip()) if marker else None


def _write_mistral(calls: Sequence[ToolCall]) -> str:
    return _TOOL_CALLS + _text([_body(call, "arguments") for call in calls])


def _split_json(said: str) -> tuple[list[str], str] | None:
    return ([said], "") if said[:1] in ("{", "[") else None


def _write_json(calls: Sequence[ToolCall]) -> str:
    bodies = [_body(call, "arguments") for call in calls]
    return _text(bodies[0] if len(bodies) == 1 else bodies)


def _with_arguments(body: Mapping[str, Any]) -> ToolCall:
    return _call(body, "arguments")


def _with_parameters(body: Mapping[str, Any]) -> ToolCall:
    return _call(body, "parameters")


_EXAMPLE = [ToolCall("tool_name", {"argument": "value"})]

CALL_FORMATS: Mapping[str, CallFormat] = {
    "hermes": CallFormat("hermes", _write_hermes(_EXAMPLE), _split_hermes, _with_arguments, _write_hermes),
    "llama3": CallFormat("llama3", _write_llama(_EXAMPLE), _split_llama, _with_parameters, _write_llama),
    "mistral": CallFormat("mistral", _write_mistral(_EXAMPLE), _split_mistral, _with_arguments, _write_mistral),
    "json": CallFormat("json", _write_json(_EXAMPLE), _split_json, _with_arguments, _write_json),
}
"""The formats by name: Hermes (Qwen's too), Llama 3's JSON, Mistral's, and bare JSON."""


def call_format(name: str) -> CallFormat:
    """Return the format called `name`.

    Raises:
        UnknownNameError: if there is none; it gives the nearest names.
    """
    check_known("call_format", name, CALL_FORMATS)
    return CALL_FORMATS[name]
