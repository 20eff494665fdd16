"""Old logs into the store: JSON lines, each an impression or an event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from agents.feedback.admission import Outcome
from agents.feedback.events import EVENTS, IMPRESSIONS, Event, Impression
from agents.feedback.export import ADDED
from agents.feedback.intake import read_json, validate
from agents.feedback.refusals import Reason, Refusal
from agents.feedback.store import CHUNK, Store


@dataclass(frozen=True, slots=True)
class Load:
    """What became of the lines of a file.

    Attributes:
        stored: lines that were appended.
        duplicates: lines that the store had already.
        refused: line numbers, from 1, with what is wrong.
    """

    stored: int
    duplicates: int
    refused: tuple[tuple[int, Refusal], ...]


def load(store: Store, file: Path) -> Load:
    """Append the lines of a file; what cannot be taken is refused by its line and counted, and the rest goes on.

    A line with a ``kind`` is an event, any other an impression; an export can be loaded again. An impression must
    stand before its events, in this file or an earlier one.

    Args:
        store: whose limits of the clock should be wide, as old logs are old.
        file: JSON lines in UTF-8.

    Raises:
        StoreUnavailableError: if the store cannot be written; lines up to then are in it, and may be loaded again.
    """
    counts, refused = Counter[Outcome](), list[tuple[int, Refusal]]()
    with file.open("rb") as lines:
        numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        while chunk := list(islice(numbered, CHUNK)):
            for number, outcome in _append(store, chunk):
                if isinstance(outcome, Refusal):
                    refused.append((number, outcome))
                else:
                    counts[outcome] += 1
    return Load(counts[Outcome.STORED], counts[Outcome.DUPLICATE], tuple(refused))


def _append(store: Store, chunk: list[tuple[int, bytes]]) -> Iterator[tuple[int, Outcome | Refusal]]:
    found = [(number, _read(line)) for number, line in chunk]
    good = [record for _, record in found if not isinstance(record, Refusal)]
    bad = Counter(record.reason for _, record in found if isinstance(record, Refusal))
    outcomes = iter(store.append(good))
    store.count_refusals(bad)
    for number, record in found:
        yield number, record if isinstance(record, Refusal) else next(outcomes)


def _read(line: bytes) -> Impression | Event | Refusal:
    found = read_json(line)
    if isinstance(found, list):
        return Refusal(Reason.NOT_JSON, "a line must be one object")
    if isinstance(found, Refusal):
        return found
    record: dict[str, Any] = {name: value for name, value in found.items() if name not in ADDED}
    return validate(record, EVENTS) if "kind" in record else validate(record, IMPRESSIONS)
