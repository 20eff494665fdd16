"""Drills in calling tools: demonstrations about tools and things whose names nobody could know.

A small model from scratch learns the names of the training split by heart, and writes those of others wrong. In a drill
every tool, and everything that a call or a result of any demonstration names, is called something else, the same
throughout the conversation: the only way to get it right is to find the tool by its description, and to copy. Where
an annotator left the call out, what it would have named is replaced too: nothing tells such a drill from others.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from agents.rows.demonstration import Demonstration
from textenvs.tools import CALL_FORMATS

_WORDS = re.compile(r"[\u3400-\u9fff]|[A-Za-z]{2,}")
"""What is replaced in a name: Chinese characters and words; digits, and letters that stand alone, stay."""


def call_drills(rows: Sequence[Demonstration], n: int, seed: int) -> list[Demonstration]:
    """Return drills in calling tools, made of demonstrations.

    Args:
        rows: demonstrations; those with tools are the pattern.
        n: how many drills.
        seed: of the choices.

    Returns:
        The same conversations with other names; none if no demonstration has tools.
    """
    generator = np.random.default_rng(seed)
    patterns = [row for row in rows if row.tools]
    if not patterns:
        return []
    named = {name for row in patterns for name in _names(row)}
    pool = sorted({word for name in named for word in _WORDS.findall(name)})
    known = _by_first_word(named)
    return [_drill(patterns[generator.integers(len(patterns))], known, pool, generator) for _ in range(n)]


def _by_first_word(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the names by the word that they begin with, so that those in a text are soon found."""
    known: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        known[_WORDS.findall(name)[0]].append(name)
    return dict(known)


def _drill(
    row: Demonstration, known: Mapping[str, Sequence[str]], pool: Sequence[str], generator: np.random.Generator
) -> Demonstration:
    """Give everything that has a name another one."""

    def other(match: re.Match[str]) -> str:
        return _nonsense(match[0], pool, generator)

    said = "\n".join((*(message["content"] for message in row.messages), *map(_name, row.tools)))
    found = {name for word in set(_WORDS.findall(said)) for name in known.get(word, ()) if name in said}
    names = sorted(found, key=lambda name: (-len(name), name))
    renamed = {name: _WORDS.sub(other, name) for name in names}
    places = re.compile("|".join(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])" for name in names))

    def rename(text: str) -> str:
        return places.sub(lambda match: renamed[match[0]], text)

    messages = tuple({**message, "content": rename(message["content"])} for message in row.messages)
    return Demonstration(messages, tuple(_renamed(tool, rename) for tool in row.tools), row.kind)


def _renamed(tool: str, rename: Any) -> str:
    """Return a tool under its other name; what it is for is said in the same words."""
    schema = json.loads(tool)
    function = {**schema["function"], "name": rename(schema["function"]["name"])}
    return json.dumps({**schema, "function": function}, ensure_ascii=False)


def _names(row: Demonstration) -> Iterator[str]:
    """Yield what tools are called, and the texts in calls and results."""
    yield from map(_name, row.tools)
    for message in row.messages:
        if message["role"] == "assistant":
            yield from (text for call in _calls(message["content"]) for text in _texts(call.arguments))
        elif message["role"] == "tool":
            yield from _texts(_read(message["content"]))


def _name(tool: str) -> str:
    return json.loads(tool)["function"]["name"]


def _calls(content: str) -> Sequence[Any]:
    return next((found for form in CALL_FORMATS.values() if (found := form.parse(content).calls)), ())


def _read(content: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError:
        return None


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a JSON value that hold a word."""
    if isinstance(value, str) and _WORDS.search(value):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for part in value.values() for text in _texts(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in _texts(part))


def _nonsense(word: str, pool: Sequence[str], generator: np.random.Generator) -> str:
    """Return another Chinese character, or two halves of words that do not belong together."""
    chinese = not word.isascii()
    fitting = [one for one in pool if one.isascii() != chinese]
    head, tail = (fitting[i] for i in generator.integers(len(fitting), size=2))
    return head if chinese else head[: (len(head) + 1) // 2] + tail[len(tail) // 2 :]
