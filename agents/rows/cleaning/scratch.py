"""Scratch tables: what cleaning remembers of the rows, on disk, so that memory does not bound how many there are."""

from __future__ import annotations

import sqlite3

CACHE_KIB = 32 * 1024
"""Most memory that a table takes."""


def scratch(*tables: str) -> sqlite3.Connection:
    """Return a database in a temporary file, which goes when the connection does.

    Args:
        tables: definitions, as after ``CREATE TABLE``.
    """
    database = sqlite3.connect("")
    # Nobody else sees the file and nothing of it is kept: it needs no journal and never waits for the disk.
    for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_KIB}"):
        database.execute(f"PRAGMA {setting}")
    for table in tables:
        database.execute(f"CREATE TABLE {table}")
    return database
