"""The store as files: JSON lines, or Parquet with typed columns."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from agents.feedback.store import CHUNK, Store
from textenvs.messages import MESSAGE_KEYS

ADDED = ("seq", "received_at")
"""What an exported row has beside the record."""

Format = Literal["jsonl", "parquet"]
Write = Callable[[list[dict[str, Any]]], None]


@dataclass(frozen=True, slots=True)
class Export:
    """What was exported.

    Attributes:
        files: that were written.
        impressions: how many.
        events: how many.
        last_seq: give it as `since` next time, and only what is new is exported.
    """

    files: tuple[Path, ...]
    impressions: int
    events: int
    last_seq: int


def export(store: Store, folder: Path, *, fmt: Format = "jsonl", since: int = 0) -> Export:
    """Write ``impressions.FMT`` and ``events.FMT`` into a folder, which is made if need be.

    Every row is a record with two fields more, ``seq`` and ``received_at``. A file appears under its name when it is
    whole; one that was there is replaced.

    Args:
        store: to export.
        folder: for the files.
        fmt: JSON lines, or Parquet with typed columns; a field that a kind of event lacks is null there.
        since: only what has a higher number.

    Raises:
        StoreUnavailableError: if the store cannot be read; no file was changed that had not been finished.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = store.last_seq()
    counts: dict[str, int] = {}
    files: list[Path] = []
    for name in ("impressions", "events"):
        files.append(folder / f"{name}.{fmt}")
        counts[name] = _write(files[-1], name, _rows(store, name, since, last), fmt)
    return Export(tuple(files), counts["impressions"], counts["events"], last)


def _rows(store: Store, name: str, since: int, last: int) -> Iterator[dict[str, Any]]:
    for stored in store.impressions(since) if name == "impressions" else store.events(since):
        if stored.seq > last:  # it came while we were reading; the next export has it
            return
        yield {"seq": stored.seq, "received_at": stored.received_at, **stored.record.model_dump()}


def _write(path: Path, name: str, rows: Iterator[dict[str, Any]], fmt: Format) -> int:
    beside, written = path.with_name(f".{path.name}.part"), 0
    with _lines(beside) if fmt == "jsonl" else _parquet(beside, name) as write:
        while chunk := list(islice(rows, CHUNK)):
            write(chunk)
            written += len(chunk)
    beside.replace(path)
    return written


@contextlib.contextmanager
def _lines(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8") as file:
        yield lambda rows: file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@contextlib.contextmanager
def _parquet(path: Path, name: str) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([("seq", pa.int64()), ("received_at", pa.float64()), *_columns(name)])
    with parquet.ParquetWriter(path, schema) as writer:
        yield lambda rows: writer.write_table(pa.Table.from_pylist(rows, schema))


def _columns(name: str) -> list[tuple[str, Any]]:
    """Return the columns of a table: the fields of an impression, or of every kind of event."""
    import pyarrow as pa

    text, number = pa.string(), pa.float64()
    common = [("id", text), ("time", number), ("user_id", text)]
    if name == "impressions":
        message = pa.struct([(key, text) for key in MESSAGE_KEYS])
        candidate = pa.struct([("text", text), ("propensity", number), ("policy_version", text)])
        lists = [("conversation", message), ("candidates", candidate), ("tools", text)]
        return [*common, ("policy_version", text), *((field, pa.list_(of)) for field, of in lists)]
    position = pa.int32()
    own = [("position", position), ("up", pa.bool_()), ("score", number), ("part", text), ("text", text)]
    return [*common, ("impression_id", text), ("kind", text), *own, ("order", pa.list_(position))]
