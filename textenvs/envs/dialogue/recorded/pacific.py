"""PACIFIC (Deng et al., EMNLP 2022): questions about financial reports, some of which need a question back. English.

A JSON list of conversations, each with ``table``, ``paragraphs`` and ``questions``; of a question, ``question``,
``answer``, ``scale`` and ``req_clari``, which says whether asking back is right, are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from textenvs.corpus_file import Problem, find_file, read_text, refuse
from textenvs.envs.dialogue.recorded.decisions import Record, Request
from textenvs.errors import CorpusError

LONGEST = 6_000
"""Most characters of a conversation's table and text; what is beyond is cut."""


def load_pacific(path: str | Path) -> tuple[Record, ...]:
    """Read a file of PACIFIC.

    Args:
        path: of the file.

    Raises:
        CorpusError: if it is missing, empty or malformed; the first five malformed entries are named.
    """
    file = find_file(path)
    try:
        entries = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{file}: no valid JSON: {error}") from None
    if not isinstance(entries, list) or not entries:
        raise CorpusError(f"{file}: a file of PACIFIC is a JSON list of conversations, and has at least one")
    made = list(_records(cast("list[Any]", entries), file.name))
    refuse([one for one in made if isinstance(one, Problem)], file, "pacific")
    return tuple(one for one in made if isinstance(one, Record))


def _records(entries: Sequence[Any], name: str) -> Iterator[Record | Problem]:
    for number, entry in enumerate(entries, 1):
        try:
            yield _record(entry, f"{name}:{number}")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            yield Problem(number, f"conversation {number} of the list: {type(error).__name__}: {error}")


def _record(entry: Any, name: str) -> Record:
    requests = tuple(_request(question) for question in entry["questions"])
    if not requests:
        raise ValueError("it has no questions")
    rows = [" | ".join(str(cell) for cell in row) for row in entry["table"]["table"]]
    texts = [str(paragraph["text"]) for paragraph in entry["paragraphs"]]
    return Record(name, "\n".join([*rows, *texts])[:LONGEST], requests, str(entry["table"]["uid"]))


def _request(question: Mapping[str, Any]) -> Request:
    ask, answer = question["req_clari"], question["answer"]
    if not isinstance(ask, bool):
        raise ValueError(f'"req_clari" is true or false, not {ask!r}')
    said = ", ".join(map(str, cast("list[Any]", answer))) if isinstance(answer, list) else str(answer)
    scale = str(question.get("scale") or "")
    return Request(str(question["question"]), " ".join(part for part in (said, scale) if part), ask)
