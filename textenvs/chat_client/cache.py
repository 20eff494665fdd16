"""Answers of chat endpoints kept in a SQLite file, so that a run that is repeated asks nothing twice."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from textenvs.chat_client.reply import Reply, RequestedCall
from textenvs.errors import ConfigError

logger = logging.getLogger("textenvs.chat_client")

_TABLE = "CREATE TABLE IF NOT EXISTS replies (request TEXT PRIMARY KEY, reply TEXT NOT NULL)"


class ChatCache:
    """A file of answers by the hash of what was asked, for any number of threads and processes.

    It holds answers and no requests; failures are not kept.

    Args:
        path: of the file; it is made where there is none.

    Raises:
        ConfigError: if the file cannot be opened, or is something else.
    """

    def __init__(self, path: str | Path) -> None:
        self._lock = threading.Lock()
        try:
            # Autocommit: each answer is kept at once. Other processes may be writing, hence the patience.
            self._file = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._file.execute(_TABLE)
        except sqlite3.Error as error:
            raise ConfigError(f"cache={str(path)!r} is no cache of answers and cannot become one: {error}") from None

    def find(self, endpoint: str, body: Mapping[str, Any]) -> Reply | None:
        """Return the answer to a request; None where it is not known."""
        with self._lock:
            rows = self._file.execute("SELECT reply FROM replies WHERE request = ?", (_key(endpoint, body),))
            row = rows.fetchone()
        if row is None:
            return None
        fields = json.loads(row[0])
        calls = tuple(RequestedCall(**call) for call in fields.pop("calls"))
        return Reply(calls=calls, **fields)

    def keep(self, endpoint: str, body: Mapping[str, Any], reply: Reply) -> None:
        """Keep the answer to a request; where the file does not take it, that is logged and the run goes on."""
        text = json.dumps(asdict(reply), ensure_ascii=False)
        try:
            with self._lock:
                self._file.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (_key(endpoint, body), text))
        except sqlite3.Error as error:
            logger.warning("an answer could not be kept in the cache: %s", error)

    def forget(self, endpoint: str, body: Mapping[str, Any]) -> None:
        """Drop the answer to a request, if there is one; where the file does not take it, that is logged."""
        try:
            with self._lock:
                self._file.execute("DELETE FROM replies WHERE request = ?", (_key(endpoint, body),))
        except sqlite3.Error as error:
            logger.warning("an answer could not be dropped from the cache: %s", error)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()


def _key(endpoint: str, body: Mapping[str, Any]) -> str:
    asked = json.dumps([endpoint, body], sort_keys=True)
    return hashlib.blake2b(asked.encode(), digest_size=20).hexdigest()
