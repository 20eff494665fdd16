"""From functions to schemas."""

from __future__ import annotations

import datetime
import json
from typing import Annotated, Any, Literal, TypedDict

import pytest
from jsonschema import Draft202012Validator

from textenvs.errors import ConfigError
from textenvs.tools import Tool, tool_of


class Place(TypedDict):
    city: str
    zip: int


def book(
    guest: str,
    nights: int,
    price: float | None = None,
    room: Literal["single", "double"] = "single",
    extras: list[str] = [],  # noqa: B006 (a default that JSON can hold)
    notes: Annotated[dict[str, int], "How many of each."] = {},  # noqa: B006
    place: Place | None = None,
    *,
    smoking: bool = False,
) -> str:
    """Book a room,
    now or later.

    Args:
        guest: who comes;
            a full name.
        nights (int): how long.

    Returns:
        The booking's number.
    """
    return f"{guest} {nights} {price} {room} {extras} {notes} {place} {smoking}"


def test_a_signature_becomes_a_schema():
    tool = tool_of(book)
    assert (tool.name, tool.description) == ("book", "Book a room, now or later.")
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "guest": {"type": "string", "description": "who comes; a full name."},
            "nights": {"type": "integer", "description": "how long."},
            "price": {"type": ["number", "null"], "default": None},
            "room": {"enum": ["single", "double"], "default": "single"},
            "extras": {"type": "array", "items": {"type": "string"}, "default": []},
            "notes": {
                "type": "object",
                "additionalProperties": {"type": "integer"},
                "description": "How many of each.",
                "default": {},
            },
            "place": {
                "anyOf": [
                    {
                        "type": "object",
                        "properties": {"city": {"type": "string"}, "zip": {"type": "integer"}},
                        "required": ["city", "zip"],
                        "additionalProperties": False,
                    },
                    {"type": "null"},
                ],
                "default": None,
            },
            "smoking": {"type": "boolean", "default": False},
        },
        "required": ["guest", "nights"],
        "additionalProperties": False,
    }
    Draft202012Validator.check_schema(tool.parameters)


def test_the_schema_is_what_chat_templates_take():
    said = json.loads(tool_of(book).schema())
    assert said["type"] == "function"
    assert set(said["function"]) == {"name", "description", "parameters"}


def no_docstring(x: int) -> int:
    return x


def unannotated(x) -> int:
    """Do."""
    return x


def many(*xs: int) -> int:
    """Do."""
    return sum(xs)


def dated(when: datetime.date) -> str:
    """Do."""
    return str(when)


def keyed(table: dict[int, str]) -> str:
    """Do."""
    return str(table)


def nested(rows: list[dict[str, complex]]) -> str:
    """Do."""
    return str(rows)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (no_docstring, ["'no_docstring'", "docstring"]),
        (unannotated, ["'x'", "'unannotated'", "annotation"]),
        (many, ["'xs'", "keyword"]),
        (dated, ["'when'", "'dated'", "date"]),
        (keyed, ["'table'", "string keys"]),
        (nested, ["'rows'", "complex"]),
        (lambda x: x, ["def"]),
    ],
)
def test_what_cannot_become_a_schema_is_named(function: Any, words: list[str]):
    with pytest.raises(ConfigError) as error:
        tool_of(function)
    assert all(word in str(error.value) for word in words), error.value


def test_a_tool_may_be_made_by_hand():
    assert json.loads(Tool("f", "d", {"type": "object"}, print).schema())["function"]["parameters"] == {
        "type": "object"
    }
