"""From a Python function to the schema that a model is shown: signature and docstring, nothing else."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

from textenvs.errors import ConfigError
from textenvs.tools.strict_json import write_json

Schema = dict[str, Any]

_SCALARS: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    None: {"type": "null"},
    types.NoneType: {"type": "null"},
    Any: {},
}
"""JSON Schemas of the types that stand for themselves."""


@dataclass(frozen=True)
class Tool:
    """A function that an agent may call.

    Attributes:
        name: as the agent calls it.
        description: what it does.
        parameters: JSON Schema of its arguments, an object.
        function: called with the validated arguments as keywords.
        timeout_s: the most seconds that a call may take; None for a function that cannot hang.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: Callable[..., Any]
    timeout_s: float | None = None

    def schema(self) -> str:
        """Return the tool as JSON text, in the shape that chat templates take."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return write_json({"type": "function", "function": function})


def tool_of(function: Callable[..., Any], *, timeout_s: float | None = 10.0) -> Tool:
    """Return the tool that a function is.

    The description is the docstring up to its ``Args:``, the parameters' descriptions are the lines under it. A
    parameter without a default is required. Arguments are passed as they are read, so the types are those of JSON
    values: str, int, float, bool, None, Literal, list, dict with string keys, TypedDict, unions of these, and Annotated
    with a string for a description.

    Args:
        function: with every parameter annotated.
        timeout_s: the most seconds that a call may take.

    Raises:
        ConfigError: if a parameter cannot become a schema, naming it; or the function has no name or no docstring.
    """
    name = getattr(function, "__name__", "")
    if not re.fullmatch(r"[A-Za-z_][\w.-]{0,63}", name):
        raise ConfigError(f"{function!r} cannot be a tool: it needs a name of letters, digits and _; wrap it in a def")
    text = inspect.getdoc(function) or ""
    if not text:
        raise ConfigError(f"tool {name!r} has no docstring; its first line is what the model is told about it")
    summary, docs = _docstring(text)
    return Tool(name, summary, _parameters(function, name, docs), function, timeout_s)


def _parameters(function: Callable[..., Any], name: str, docs: Mapping[str, str]) -> Schema:
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ConfigError(f"tool {name!r}: an annotation cannot be resolved: {error}") from None
    properties: Schema = {}
    required: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        where = f"parameter {parameter.name!r} of tool {name!r}"
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ConfigError(f"{where} is {parameter.kind.description}; tools are called by keyword")
        if parameter.name not in hints:
            raise ConfigError(f"{where} has no annotation, such as `{parameter.name}: str`")
        schema = schema_of(hints[parameter.name], where)
        if parameter.name in docs:
            schema = {**schema, "description": docs[parameter.name]}
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        else:
            schema = {**schema, **_default(parameter.default)}
        properties[parameter.name] = schema
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def schema_of(kind: Any, where: str) -> Schema:
    """Return the JSON Schema of an annotation.

    Args:
        kind: the annotation, resolved.
        where: what it belongs to, for the error.

    Raises:
        ConfigError: if no JSON value could be of this type.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        notes = [note for note in arguments[1:] if isinstance(note, str)]
        return {**schema_of(arguments[0], where), **({"description": notes[0]} if notes else {})}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return _union([schema_of(argument, where) for argument in arguments])
    if (origin or kind) in (list, Sequence):
        return {"type": "array", **({"items": schema_of(arguments[0], where)} if arguments else {})}
    if (origin or kind) in (dict, Mapping):
        return _mapping(arguments, where)
    if isinstance(kind, type) and is_typeddict(kind):
        return _record(cast("type[Any]", kind), where)
    if kind in _SCALARS:
        return dict(_SCALARS[kind])
    raise ConfigError(f"{where} has the type {kind!r}, which no JSON value has; annotate it with str, int, list ...")


def _union(schemas: Sequence[Schema]) -> Schema:
    """Return the schema of any of these; plain types are joined, for the model reads it."""
    if all(set(schema) == {"type"} for schema in schemas):
        return {"type": [schema["type"] for schema in schemas]}
    return {"anyOf": list(schemas)}


def _mapping(arguments: Sequence[Any], where: str) -> Schema:
    if arguments and arguments[0] is not str:
        raise ConfigError(f"{where} is a mapping whose keys are no strings; JSON objects have string keys")
    return {"type": "object", **({"additionalProperties": schema_of(arguments[1], where)} if arguments else {})}


def _record(kind: type[Any], where: str) -> Schema:
    hints = get_type_hints(kind, include_extras=True)
    required = sorted(cast("frozenset[str]", kind.__required_keys__))
    properties = {name: schema_of(hint, f"{where}, field {name!r},") for name, hint in hints.items()}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _default(value: Any) -> Schema:
    """Return the default as the model is shown it; one that JSON cannot hold is left out."""
    try:
        write_json(value)
    except (TypeError, ValueError):
        return {}
    return {"default": value}


def _docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return what stands before ``Args:``, and the description of each argument."""
    summary, _, rest = re.sub(r"\n\s*(Args|Arguments|Parameters):\s*\n", "\0", text, count=1).partition("\0")
    summary = re.split(r"\n\s*(?:Returns|Raises|Yields|Examples?):\s*\n", summary, maxsplit=1)[0]
    docs: dict[str, str] = {}
    current = ""
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            break
        if named := re.match(r"\s{1,8}(\w+)\s*(?:\([^)]*\))?:\s*(.*)", line):
            current = named[1]
            docs[current] = named[2].strip()
        elif current and line.strip():
            docs[current] = f"{docs[current]} {line.strip()}"
    return " ".join(summary.split()), docs
