"""Preferences in files and in rows, as `agents.rows.files` describes them.

Beside what is said there: an answer is one message, and a pair may have a ``margin``, by how much the better answer is
better. The rows of `agents.feedback.signals` are of these forms.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from agents.finetune.preferences import Answers, LabelledAnswer, Messages, PreferencePair
from agents.rows.files import Form, LineFile, form_of, problem_with, read_lines, tools_of
from agents.rows.kinds import kind_of
from textenvs.errors import CorpusError
from textenvs.messages import Message

Row = Mapping[str, Any]
T = TypeVar("T", PreferencePair, LabelledAnswer)


def parse_pair(row: Row, origin: str = "") -> PreferencePair:
    """Read one row with a better and a worse answer.

    Raises:
        CorpusError: if it is malformed; the message says what was expected.
    """
    _check(row, "preference")
    margin = row.get("margin", 0.0)
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 <= margin < math.inf:
        raise CorpusError(f"margin: {margin!r} is no number >= 0")
    answers = (_answer(row, "chosen"), _answer(row, "rejected"))
    return PreferencePair(_prompt(row), *answers, float(margin), tools_of(row), origin, kind_of(row))


def parse_label(row: Row, origin: str = "") -> LabelledAnswer:
    """Read one row with a single answer.

    Raises:
        CorpusError: if it is malformed; the message says what was expected.
    """
    _check(row, "unpaired")
    return LabelledAnswer(_prompt(row), _answer(row, "completion"), row["label"], tools_of(row), origin, kind_of(row))


def read_pairs(path: str | Path) -> Sequence[PreferencePair]:
    """Return the preference pairs of a file, which is read row by row and may be larger than memory.

    Raises:
        CorpusError: if there is no such file, no row in it, or malformed ones: the first are named by file, line and
            reason.
    """
    return _rows_of(LineFile(path, "preference", parse_pair), "preference")


def read_labels(path: str | Path) -> Sequence[LabelledAnswer]:
    """Return the labelled answers of a file, read as `read_pairs` does; of preference pairs, both answers of each.

    Raises:
        CorpusError: as `read_pairs`.
    """
    first = next((line.row for line in read_lines(path)), None)
    if first is not None and form_of(first) == "preference":
        return Answers(read_pairs(path))
    return _rows_of(LineFile(path, "unpaired", parse_label), "unpaired")


def write_rows(path: Path, rows: Iterable[PreferencePair | LabelledAnswer]) -> None:
    """Write rows as the readers take them."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row.as_row(), ensure_ascii=False) + "\n" for row in rows)


def _rows_of(file: LineFile[T], form: Form) -> LineFile[T]:
    if not file:
        raise CorpusError(f"{file.path} has no rows; expected the form {form!r}, one JSON object a line")
    return file


def _check(row: Row, form: Form) -> None:
    if problem := problem_with(row, form):
        raise CorpusError(problem)


def _prompt(row: Row) -> Messages:
    messages = tuple(Message(**message) for message in row["prompt"])
    if messages[-1].role not in ("user", "tool"):
        raise CorpusError(f"prompt: the last message is by {messages[-1].role!r}; an answer follows a user or a tool")
    return messages


def _answer(row: Row, name: str) -> str:
    said: Sequence[Mapping[str, str]] = row[name]
    if len(said) != 1:
        raise CorpusError(f"{name}: {len(said)} messages; an answer is one, what came before it belongs to the prompt")
    return said[0]["content"]
