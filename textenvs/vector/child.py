"""The program of a worker process: makes one environment and plays what the parent asks.

A thread reads the parent's messages. When they end, the parent is gone, and the process ends with it at once, also
in the middle of a step that hangs. Nothing else ends it but the parent's hand.
"""

from __future__ import annotations

import os
import pickle
import queue
import sys
import threading
from typing import Any, BinaryIO

from textenvs.errors import UsageError
from textenvs.vector.player import begin, call, play
from textenvs.vector.supply import AnyEnv, MakeEnv


class Host:
    """The environment of this process, and the calls that a `Player` makes."""

    def __init__(self, make: MakeEnv, splits: bool) -> None:
        self._make = make
        self._splits = splits
        self._env: AnyEnv | None = None

    def answer(self, method: str, args: tuple[Any, ...]) -> tuple[str, Any]:
        """Return ``("value", value)``, or the kind of the error and its message."""
        try:
            return "value", self._do(method, args)
        except UsageError as error:
            kind, message = "usage_error", str(error)
        except Exception as error:
            kind, message = "error", f"{type(error).__name__}: {error}"
        self._env = None
        return kind, message

    def _do(self, method: str, args: tuple[Any, ...]) -> Any:
        if self._env is None:
            self._env = self._make()
        match method:
            case "reset":
                return begin(self._env, *args)
            case "play":
                return play(self._env, args[0], splits=self._splits)
            case "call":
                return call(self._env, *args)
            case "close":
                return self._env.close()
            case _:
                return None


def main() -> None:
    """Play until the parent is gone."""
    messages, replies = _claim_pipes()
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(messages, jobs), daemon=True).start()
    host = Host(*jobs.get())
    while True:
        answer = host.answer(*jobs.get())
        try:
            message = pickle.dumps(answer)
        except Exception as error:
            message = pickle.dumps(("error", f"what the environment returned cannot be sent: {error}"))
        replies.write(message)
        replies.flush()


def _claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes for messages: the environment reads nothing, and what it prints goes to standard error."""
    messages, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), sys.stderr
    return messages, replies


def _read(messages: BinaryIO, jobs: queue.SimpleQueue[Any]) -> None:
    try:
        while True:
            jobs.put(pickle.load(messages))  # noqa: S301 (from our own parent)
    except EOFError:
        pass
    finally:
        os._exit(0)
