"""One row under examination: what it asks, what it answers, and keys by which rows are compared."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from agents.rows.files import Row, form_of, tools_of

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Entry:
    """A well-formed row and where it stands.

    Attributes:
        path: of its file.
        number: of its line, from 1.
        start: of its line, in bytes.
        row: what the line holds.
    """

    path: Path
    number: int
    start: int
    row: Row

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.path}:{self.number}"

    @cached_property
    def prompt(self) -> Messages:
        """The messages before the answer."""
        return self.row["messages"][:-1] if "messages" in self.row else self.row["prompt"]

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """The text of the answer; of a pair, of the chosen one and the rejected one."""
        ends = ("messages", "chosen", "rejected", "completion")
        return tuple(self.row[name][-1]["content"] for name in ends if name in self.row)

    @cached_property
    def text(self) -> str:
        """Everything that is said in the row, but by the system."""
        return "\n".join([*(m["content"] for m in self.prompt if m["role"] != "system"), *self.answers])

    @cached_property
    def identity(self) -> int:
        """Equal for rows that teach the same."""
        return key(*self._asked, *self.answers, repr(self.row.get("label")))

    @cached_property
    def question(self) -> tuple[int, str]:
        """What rows are asked alike, as a key, and what this one says to it; see `CleaningConfig.contradictions`."""
        form = form_of(self.row)
        if form == "unpaired":
            return key(form, *self._asked, *self.answers), repr(self.row["label"])
        if form == "preference":
            return key(form, *self._asked, *sorted(map(normal, self.answers))), normal(self.answers[0])
        return key(form, *self._asked), normal(self.answers[0])

    @property
    def openings(self) -> Iterator[int]:
        """Keys of what the row answers: its prompt, and the prompts of the assistant's earlier turns in it."""
        said = [*self.prompt, {"role": "assistant", "content": ""}]
        for place, message in enumerate(said):
            if message["role"] == "assistant" and place:
                yield opening_key(said[:place])

    @property
    def _asked(self) -> Iterator[str]:
        yield from sorted(tools_of(self.row))
        for message in self.prompt:
            yield from (message["role"], message["content"])


def opening_key(messages: Iterable[Mapping[str, Any]]) -> int:
    """Return a key of what an assistant is asked, whatever its instruction."""
    return key(*(part for m in messages if m["role"] != "system" for part in (m["role"], m["content"])))


def key(*parts: str) -> int:
    """Return a number of 64 bits, equal for texts that say the same; for others it differs but once in 2^64 pairs."""
    digest = hashlib.blake2b("\x1f".join(map(normal, parts)).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)


def normal(text: str) -> str:
    """Return a text without what makes no difference: compatibility forms, case, and how much white space there is."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
