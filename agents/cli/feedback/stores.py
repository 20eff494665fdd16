"""What the commands over a store of feedback share."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.feedback.store import Store

TOKEN = "TEXTENVS_FEEDBACK_TOKEN"  # noqa: S105 - the variable's name
"""The environment variable that may hold the token; a command line can be read by every user of the machine."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Where the feedback is."""

    store: str = "feedback.db"
    """Path of an SQLite file, or postgresql://USER@HOST/NAME."""


@contextlib.contextmanager
def open_store(where: str, *, new: bool = False, old_logs: bool = False) -> Iterator[Store]:
    """Open a store, and close it afterwards.

    Args:
        where: path of an SQLite file, or a URL.
        new: whether it may be made.
        old_logs: whether records may be older than the clock's limits allow.

    Raises:
        UsageError: if there is none, or a package is missing.
    """
    try:
        from agents.feedback.admission import ClockLimits
        from agents.feedback.store import Store
    except ModuleNotFoundError as error:
        raise UsageError(f"feedback needs {error.name}; install it: pip install 'textenvs[feedback]'") from None
    if not new and "://" not in where and not Path(where).is_file():
        raise UsageError(f"--store {where!r}: there is no such file; `textenvs feedback serve` makes one")
    with contextlib.closing(Store(where, limits=ClockLimits(max_age_s=math.inf) if old_logs else None)) as store:
        yield store


def read_token(file: Path | None) -> str | None:
    """Return the token that a file holds, or else the environment; None where there is none.

    Raises:
        UsageError: if the file cannot be read.
    """
    if file is None:
        return os.environ.get(TOKEN) or None
    try:
        return file.read_text(encoding="utf-8").split("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {str(file)!r} cannot be read: {error}") from None
