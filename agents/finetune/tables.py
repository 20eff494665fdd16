"""Rows as tables on disk, written in chunks and read through the page cache, so that they need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import datasets
import pyarrow as pa

CHUNK = 1000
"""Rows that are in memory at once."""

IDS = pa.list_(pa.int32())
"""The type of a column of token ids."""

T = TypeVar("T")


def write_table(chunks: Iterable[Sequence[Mapping[str, Any]]], schema: pa.Schema, path: Path) -> datasets.Dataset:
    """Return the rows as a data set that lies in a file, which has to stay there as long as it is used.

    Args:
        chunks: of rows, written one after the other.
        schema: of a row.
        path: of the file.
    """
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as table:
        for rows in chunks:
            table.write_batch(pa.RecordBatch.from_pylist(list(rows), schema=schema))
    return datasets.Dataset.from_file(str(path))


def in_chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    """Yield the rows, `CHUNK` at a time."""
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
