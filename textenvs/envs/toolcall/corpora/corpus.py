"""A benchmark's file with the answers that stand beside it, cut into splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from textenvs.corpus_file import Problem, find_file, read_text, refuse
from textenvs.envs.toolcall.corpora.acebench import read_row as read_acebench
from textenvs.envs.toolcall.corpora.bfcl import read_row as read_bfcl
from textenvs.envs.toolcall.records import Row, rows
from textenvs.envs.toolcall.types import Task
from textenvs.errors import CorpusError, UnknownNameError

Format = Literal["bfcl", "acebench"]
FORMATS: tuple[Format, ...] = get_args(Format)

ANSWERS = "possible_answer"
"""The folder beside a file in which a file of the same name holds its answers."""

_READERS: Mapping[Format, Callable[[Row, Row | None], Task]] = {
    "bfcl": read_bfcl,
    "acebench": read_acebench,
}


def load_corpus(path: str | Path, format: Format | None = None) -> tuple[Task, ...]:
    """Read a benchmark's file, with its answers from ``possible_answer/`` beside it.

    The same unchanged files are read once in a process.

    Args:
        path: of the file with the questions.
        format: one of `FORMATS`; None tells it from the content.

    Raises:
        CorpusError: if a file is missing or has malformed rows; file, line and reason of the first five are given.
        UnknownNameError: if there is no such format.
    """
    if format is not None and format not in FORMATS:
        raise UnknownNameError.of("corpus format", format, FORMATS)
    file = find_file(path).resolve()
    answers = file.parent / ANSWERS / file.name
    changed = answers.stat().st_mtime_ns if answers.is_file() else 0
    return _load(file, answers if changed else None, (file.stat().st_mtime_ns, changed), format)


@lru_cache(maxsize=32)
def _load(file: Path, answers: Path | None, stamp: tuple[int, int], format: Format | None) -> tuple[Task, ...]:
    """Read both files; `stamp` keeps a changed file from being taken for the one that was read."""
    read = list(rows(read_text(file)))
    kind = format or _sniff(file, read)
    keys = None if answers is None else _by_id(answers, kind)
    if keys is None and kind == "acebench":
        raise CorpusError(f"{file}: there are no answers at {file.parent / ANSWERS / file.name}")
    made = list(_tasks(read, keys, kind))
    refuse([one for one in made if isinstance(one, Problem)], file, kind)
    return tuple(one for one in made if isinstance(one, Task))


def _tasks(
    read: list[tuple[int, Row] | Problem], answers: Mapping[str, Row] | None, kind: Format
) -> Iterator[Task | Problem]:
    for one in read:
        if isinstance(one, Problem):
            yield one
            continue
        number, row = one
        answer = None if answers is None else answers.get(str(row.get("id")))
        if answers is not None and answer is None:
            yield Problem(number, f"there is no answer with the id {row.get('id')!r}")
            continue
        try:
            yield _READERS[kind](row, answer)
        except (ValueError, AttributeError, TypeError) as error:
            yield Problem(number, str(error))


def _by_id(file: Path, kind: Format) -> dict[str, Row]:
    read = list(rows(read_text(file)))
    refuse([one for one in read if isinstance(one, Problem)], file, kind)
    return {str(row[1].get("id")): row[1] for row in read if not isinstance(row, Problem)}


def _sniff(file: Path, read: list[tuple[int, Row] | Problem]) -> Format:
    """Tell the format from the first row: BFCL's question is a list, ACEBench's a text."""
    refuse([one for one in read[:1] if isinstance(one, Problem)], file, "JSON Lines")
    for one in read[:1]:
        question = one[1].get("question") if not isinstance(one, Problem) else None
        if isinstance(question, list | str):
            return "bfcl" if isinstance(question, list) else "acebench"
    raise CorpusError(f'{file}:1: none of the known formats ({", ".join(FORMATS)}): no row with a "question"')
