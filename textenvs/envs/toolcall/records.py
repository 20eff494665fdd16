"""What the readers of task files share: rows, answers, texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

from textenvs.corpus_file import Problem, numbered_lines
from textenvs.tools import MalformedJSONError, read_json

Row = Mapping[str, Any]


def rows(text: str) -> Iterator[tuple[int, Row] | Problem]:
    """Yield the objects of a JSON Lines text with their line numbers; a line that holds none is a problem."""
    for number, line in numbered_lines(text):
        try:
            row = read_json(line)
        except MalformedJSONError as error:
            yield Problem(number, f"no valid JSON: {error}")
            continue
        if isinstance(row, dict):
            yield number, cast("Row", row)
        else:
            yield Problem(number, "a row is a JSON object")


def entry(row: Row, key: str, kind: type) -> Any:
    """Return what a row must have.

    Raises:
        ValueError: if it has not.
    """
    if not isinstance(row.get(key), kind):
        raise ValueError(f'"{key}" must be there and be a {kind.__name__}')
    return row[key]


def language_of(text: str) -> Literal["zh", "en"]:
    """Return ``"zh"`` for a text with Chinese characters, else ``"en"``."""
    return "zh" if any("\u4e00" <= character <= "\u9fff" for character in text) else "en"
