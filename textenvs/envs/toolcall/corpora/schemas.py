"""From the benchmarks' dialects to JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

_TYPES: Mapping[str, str] = {
    "dict": "object",
    "object": "object",
    "float": "number",
    "number": "number",
    "double": "number",
    "int": "integer",
    "integer": "integer",
    "tuple": "array",
    "list": "array",
    "array": "array",
    "str": "string",
    "string": "string",
    "bool": "boolean",
    "boolean": "boolean",
    "null": "null",
}
_UNTYPED = "any"
_PARAMETERS = ("parameters", "arguments", "_arguments")  # where tools have been found to keep them


def tool_from(entry: Any) -> dict[str, Any]:
    """Return a tool of a benchmark as chat templates take it.

    Args:
        entry: ``{"name", "description", "parameters"}``; the last may be called ``"arguments"``, what it holds may
            use the types dict, float, tuple and any.

    Raises:
        ValueError: if it is no such tool; the message says why.
    """
    if not isinstance(entry, dict):
        raise ValueError(f"a tool is a JSON object, not {type(entry).__name__}")
    tool = cast("dict[str, Any]", entry)
    name = tool.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("a tool without a name")
    found = [key for key in _PARAMETERS if key in tool]
    if not found:
        raise ValueError(f"tool {name!r} has no parameters")
    parameters = json_schema(tool[found[0]], f"tool {name!r}")
    if parameters.setdefault("type", "object") != "object":
        raise ValueError(f"the parameters of tool {name!r} are no object")
    parameters.setdefault("properties", {})
    return {
        "type": "function",
        "function": {"name": name, "description": str(tool.get("description", "")), "parameters": parameters},
    }


def json_schema(schema: Any, where: str) -> dict[str, Any]:
    """Return a schema with JSON Schema's own types; what else it says stays.

    Args:
        schema: in a benchmark's dialect.
        where: what it belongs to, for the error.

    Raises:
        ValueError: if it is no object, or has a type that no dialect knows.
    """
    if not isinstance(schema, dict):
        raise ValueError(f"{where}: a schema is a JSON object, not {type(schema).__name__}")
    given = cast("dict[str, Any]", schema)
    made = {key: value for key, value in given.items() if key != "type"}
    if (kind := given.get("type", _UNTYPED)) != _UNTYPED:
        if kind not in _TYPES:
            raise ValueError(f"{where}: unknown type {kind!r}; known: {', '.join(_TYPES)}, {_UNTYPED}")
        made = {"type": _TYPES[kind], **made}
    if "properties" in given:
        made["properties"] = {
            name: json_schema(inner, f"{where}, parameter {name!r}") for name, inner in given["properties"].items()
        }
    if "items" in given:
        made["items"] = json_schema(given["items"], f"{where}, items")
    return made
