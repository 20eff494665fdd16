"""The toolbox: finds the tool, checks the arguments, runs it, and turns every failure into a message."""

from __future__ import annotations

import difflib
import enum
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from textenvs.errors import ConfigError
from textenvs.messages import Message, ToolCall
from textenvs.time_limit import within
from textenvs.tools.schema import Tool, tool_of
from textenvs.tools.strict_json import write_json

MAX_RESULT = 20_000
"""Most characters of a result that the agent is shown."""


class Failure(enum.StrEnum):
    """Why a call gave no result."""

    NONE = ""
    UNKNOWN_TOOL = "unknown_tool"
    INVALID_ARGUMENTS = "invalid_arguments"
    RAISED = "raised"
    """The tool itself raised: its message is the agent's to act on."""
    TIMED_OUT = "timed_out"
    NOT_JSON = "not_json"
    """The tool returned something that JSON cannot hold."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of one call.

    Attributes:
        call: that was made.
        content: JSON text for the agent: the result, or ``{"error": ..., "message": ...}``.
        failure: why there is no result; `Failure.NONE` where there is one.
    """

    call: ToolCall
    content: str
    failure: Failure = Failure.NONE

    def message(self) -> Message:
        """Return the tool message that the agent sees."""
        return Message("tool", self.content, self.call.name, self.call.call_id)


class Toolbox:
    """The tools of one episode.

    Args:
        tools: tools, or plain functions (see `tool_of`).

    Attributes:
        tools: by name, in order.

    Raises:
        ConfigError: if two tools have the same name, or a schema is no JSON Schema.
    """

    def __init__(self, tools: Iterable[Tool | Callable[..., Any]]) -> None:
        made = [tool if isinstance(tool, Tool) else tool_of(tool) for tool in tools]
        self.tools: dict[str, Tool] = {tool.name: tool for tool in made}
        if len(self.tools) < len(made):
            names = [tool.name for tool in made]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ConfigError(f"two tools are called {twice[0]!r}; an agent could not tell them apart")
        self._validators = {tool.name: _validator_of(tool) for tool in made}

    @cached_property
    def schemas(self) -> tuple[str, ...]:
        """JSON text of each tool, as an observation shows them."""
        return tuple(tool.schema() for tool in self.tools.values())

    def run(self, call: ToolCall) -> ToolResult:
        """Run one call; total: whatever goes wrong becomes a message to the agent."""
        tool = self.tools.get(call.name)
        if tool is None:
            return _failed(call, Failure.UNKNOWN_TOOL, self._no_such_tool(call.name))
        if problem := self.problem(call):
            return _failed(call, Failure.INVALID_ARGUMENTS, problem)
        return _run(tool, call)

    def problem(self, call: ToolCall) -> str:
        """Return what is wrong with a known tool's arguments, in words for the agent; ``""`` if nothing is."""
        validator: Any = self._validators[call.name]
        errors = cast("Iterator[ValidationError]", validator.iter_errors(dict(call.arguments)))
        try:
            first = min(errors, key=lambda error: (len(error.absolute_path), str(error.absolute_path)), default=None)
        except (Unresolvable, RecursionError):
            return "the tool's own schema refers to what is not there or to itself without end; it cannot be called"
        return "" if first is None else _explain(first)

    def _no_such_tool(self, name: str) -> str:
        near = difflib.get_close_matches(name[:100], list(self.tools), n=3, cutoff=0.5)
        known = near or list(self.tools)[:20]
        return f"there is no tool {name[:100]!r}; " + (f"did you mean {', '.join(known)}?" if near else _names(known))


def _names(names: list[str]) -> str:
    return f"the tools are: {', '.join(names)}" if names else "there are no tools"


def _validator_of(tool: Tool) -> Draft202012Validator:
    """Return what checks a tool's arguments; references to other documents are not fetched."""
    try:
        return _validator(write_json(tool.parameters))
    except SchemaError as error:
        raise ConfigError(f"the parameters of tool {tool.name!r} are no JSON Schema: {error.message}") from None


@lru_cache(maxsize=4096)
def _validator(parameters: str) -> Draft202012Validator:
    """Return what checks arguments.

    Checking a schema takes longer than an episode, so it is done once for every schema, whatever the tools are called.
    """
    schema = json.loads(parameters)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, registry=Registry())


def _explain(error: ValidationError) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    where = f"argument {place.lstrip('.')}: " if place else ""
    return f"{where}{error.message[:500]}"


def _run(tool: Tool, call: ToolCall) -> ToolResult:
    arguments = dict(call.arguments)
    try:
        value = _call(tool, arguments)
    except TimeoutError as error:
        return _failed(call, Failure.TIMED_OUT, str(error) or "the tool took too long")
    except (Exception, SystemExit) as error:
        return _failed(call, Failure.RAISED, f"{type(error).__name__}: {error}")
    try:
        return ToolResult(call, _shown(write_json(value)))
    except (TypeError, ValueError, RecursionError) as error:
        return _failed(call, Failure.NOT_JSON, f"the tool's result is no JSON: {error}")


def _call(tool: Tool, arguments: Mapping[str, Any]) -> Any:
    if tool.timeout_s is None:
        return tool.function(**arguments)
    return within(tool.timeout_s, partial(tool.function, **arguments), f"tool {tool.name}")


def _failed(call: ToolCall, failure: Failure, message: str) -> ToolResult:
    return ToolResult(call, write_json({"error": failure.value, "message": _shown(message)}), failure)


def _shown(text: str) -> str:
    return text if len(text) <= MAX_RESULT else f"{text[:MAX_RESULT]} ... ({len(text)} characters in all)"
