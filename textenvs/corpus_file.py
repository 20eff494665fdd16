"""Reading a user's data file: found or the nearest names given, UTF-8, and what is malformed named by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from textenvs.errors import CorpusError

_SHOWN = 5  # malformed records that an error names


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one record.

    Attributes:
        line: where it begins, from 1.
        reason: what was expected and what was found.
    """

    line: int
    reason: str


def find_file(path: str | Path) -> Path:
    """Return the path of a file that exists.

    Raises:
        CorpusError: if it does not; the message gives the nearest names beside it.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise CorpusError(_missing(file))
    return file


def read_text(file: Path) -> str:
    """Return the content of a UTF-8 file, without a byte order mark.

    Raises:
        CorpusError: if it is not UTF-8; the message names the line.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise CorpusError(f"{file}:{line}: the text is not UTF-8 ({error.reason})") from None


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, numbered from 1."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.rstrip("\r")


def refuse(problems: Sequence[Problem], file: Path, kind: str) -> None:
    """Refuse a file that has malformed records.

    Args:
        problems: in the order of the file.
        file: it was read from.
        kind: the format it was read as.

    Raises:
        CorpusError: if there is a problem; the first five are named.
    """
    if not problems:
        return
    shown = [f"{file}:{problem.line}: {problem.reason}" for problem in islice(problems, _SHOWN)]
    more = [f"... and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    raise CorpusError("\n".join([f"{len(problems)} malformed records (read as format {kind!r}):", *shown, *more]))


def _missing(file: Path) -> str:
    if file.is_dir():
        return f"{file} is a folder; give one file"
    beside = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
    near = difflib.get_close_matches(file.name, beside, n=3)
    return f"there is no file {file}" + (f"; did you mean {' or '.join(near)}?" if near else "")
