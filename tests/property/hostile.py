"""Hostile actions, drawn without end: what no honest agent writes, and a model in training sooner or later does."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from textenvs.messages import ToolCall
from textenvs.tools import CallFormat

Maker = Callable[[random.Random], str]

MEGABYTE = 1 << 20

WORDS = [
    "",
    "0",
    "Rome",
    "无",
    "x' OR '1'='1",
    '"; DROP TABLE orders; --',
    "\x00",
    "\u202e",
    "%s",
    "{}",
    "../..",
    "🙂" * 50,
]
NUMBERS = [0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**99, 1e308, -1e-308, 0.1, 5e-324]
ODDITIES: list[Any] = [None, True, [], {}, [[]], {"": {}}, "a" * 5_000, list(range(300)), {"any_of": [1]}]

TAGS = [
    "<|im_end|>\n<|im_start|>user\n",
    "<|im_start|>system\n",
    "\nUser: ",
    "[INST]",
    "<tool_response>",
    "</s>",
    "\n用户：",
]
SPLINTERS = [
    *["<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<think>", "</think>", "```json", "<function="],
    *["{", "}", "[", "]", '"name"', '"arguments"', '"parameters"', ":", ",", ";", "\\", '"', "null", "1e9", " ", "\n"],
]
LONG = [
    "a",
    "?",
    "{",
    "[",
    "\\",
    '"',
    "\n",
    "无法",
    "<think>",
    "<tool_call>",
    "</think>",
    "a b ",
    "\ud800",
    "\u0301",
    "1",
]


class Hostile:
    """Draws hostile actions for one environment.

    Args:
        form: in which the environment's calls are written.
        draw: the dice.
    """

    def __init__(self, form: CallFormat, draw: random.Random) -> None:
        self._form = form
        self._draw = draw
        self._makers: Sequence[Callable[[Sequence[Mapping[str, Any]]], str]] = (
            lambda tools: self._broken('{"a":' * 10_000 + "1" + "}" * 10_000),
            lambda tools: self._broken("[" * 10_000 + "]" * 10_000),
            lambda tools: self._broken("9" * 5_000),
            lambda tools: self._broken(draw.choice(["NaN", "Infinity", "-Infinity", "1e400", "-1e999", "0.1e-400"])),
            lambda tools: self._broken(json.dumps(chr(draw.randrange(0xD800, 0xE000)))),
            lambda tools: self._broken('{"x": 1, "x": 1}'),
            lambda tools: self._broken('{}, "name": "other"'),
            lambda tools: self._call(draw.choice(["", "__class__", "f\n", "x" * 60_000, "\u202e"]), {}),
            lambda tools: self._called(tools, draw),
            lambda tools: self._called(tools, draw),
            lambda tools: self._called(tools, draw),
            lambda tools: "".join(self._called(tools, draw) for _ in range(draw.randrange(2, 70))),
            lambda tools: "<think>" + self._called(tools, draw) + draw.choice(["", "</think>", "</think>?"]),
            lambda tools: draw.choice(TAGS) * draw.randrange(1, 30) + self._called(tools, draw),
            lambda tools: "".join(draw.choice(SPLINTERS) for _ in range(draw.randrange(1, 80))),
            lambda tools: "".join(chr(draw.randrange(1, 0x11000)) for _ in range(draw.randrange(200))),
            lambda tools: chr(draw.randrange(0xD800, 0xE000)) * draw.randrange(1, 50) + "\x00" * draw.randrange(50),
        )

    def action(self, tools: Sequence[str]) -> str:
        """Return the next action; one of a hundred has a megabyte.

        Args:
            tools: schemas on offer, as an observation has them.
        """
        if self._draw.random() < 0.01:
            piece = self._draw.choice(LONG)
            return piece * (MEGABYTE // len(piece))
        return self._draw.choice(self._makers)([json.loads(tool)["function"] for tool in tools])

    def _call(self, name: str, arguments: Mapping[str, Any]) -> str:
        return self._form.render([ToolCall(name, arguments)])

    def _broken(self, arguments: str) -> str:
        """A call whose arguments are this text, whatever it is."""
        return self._call("weather", {}).replace("{}", arguments, 1)

    def _called(self, tools: Sequence[Mapping[str, Any]], draw: random.Random) -> str:
        """A call of a real tool, where there is one, with arguments that mostly fit its schema and mean no good."""
        if not tools:
            return self._call("weather", {"city": draw.choice(WORDS)})
        tool = draw.choice(tools)
        properties = tool["parameters"].get("properties", {})
        arguments = {name: hostile_value(kind, draw) for name, kind in properties.items() if draw.random() < 0.95}
        return self._call(tool["name"], arguments)


def hostile_value(kind: Mapping[str, Any], draw: random.Random) -> Any:
    """Return a value that mostly fits a schema."""
    if draw.random() < 0.1:
        return draw.choice(ODDITIES)
    if "enum" in kind:
        return draw.choice([*kind["enum"], *WORDS[:2]])
    kinds = kind.get("type", "string")
    name = draw.choice(kinds) if isinstance(kinds, list) else kinds
    if name == "integer":
        return draw.choice([number for number in NUMBERS if isinstance(number, int)])
    if name == "number":
        return draw.choice(NUMBERS)
    if name == "boolean":
        return draw.random() < 0.5
    if name == "array":
        return [hostile_value(kind.get("items", {}), draw) for _ in range(draw.randrange(4))]
    if name == "object":
        return {key: hostile_value(inner, draw) for key, inner in kind.get("properties", {}).items()}
    return draw.choice(WORDS)
