"""Workers: where an environment is played. A worker has one job at a time and posts one reply to each."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Literal, Protocol

from textenvs.vector.player import Player

logger = logging.getLogger("textenvs.vector")

WorkerKind = Literal["inline", "thread", "process"]
"""``"inline"`` plays in the caller's thread, one environment after the other. ``"thread"`` gives every environment a
thread, which helps where it waits for something (a user simulator behind an endpoint). ``"process"`` gives it a
process, which alone can be ended where it hangs."""


@dataclass(frozen=True, slots=True)
class Job:
    """One call of a `Player`."""

    method: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a job: a value, or an error."""

    worker: Worker
    value: Any
    error: Exception | None = None


Post = Callable[[Reply], None]


class Worker(Protocol):
    """Plays one environment.

    Attributes:
        slot: number of the environment.
        since: when the job now running began, by `time.monotonic`; None while none is, and while its environment
            is being made: that has no time limit.
    """

    slot: int
    since: float | None

    def start(self, job: Job) -> None:
        """Take a job. It must have replied to the one before."""
        ...

    def abandon(self) -> None:
        """End, whatever it is doing: a process is killed, a thread left to itself. No reply counts any more."""
        ...

    def close(self) -> None:
        """End when it is idle."""
        ...

    def join(self) -> None:
        """Wait until it has ended, but not for ever."""
        ...


class InlineWorker:
    """Plays in the caller's thread."""

    def __init__(self, slot: int, player: Player, post: Post) -> None:
        self.slot = slot
        self.since: float | None = None
        self._player = player
        self._post = post

    def start(self, job: Job) -> None:
        """Do the job now."""
        self._post(_run(self, self._player, job))

    def abandon(self) -> None:
        """Give up the environment: it was interrupted."""
        _drop(self._player)

    def close(self) -> None:
        """Close the environment."""
        self._player.close()

    def join(self) -> None:
        """Do nothing: it has ended."""


class ThreadWorker:
    """Plays in a thread of its own; a process is a player that this thread waits for.

    The thread is a daemon: an environment that hangs forever does not keep the interpreter from ending.
    """

    def __init__(self, slot: int, player: Player, post: Post) -> None:
        self.slot = slot
        self.since: float | None = None
        self._player = player
        self._post = post
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"textenvs-{slot}", daemon=True)
        self._thread.start()

    def start(self, job: Job) -> None:
        """Hand the job to the thread."""
        self._jobs.put(job)

    def abandon(self) -> None:
        """End the thread when its call returns; for a process, that is now."""
        self._jobs.put(None)
        self._player.kill()

    def close(self) -> None:
        """End the thread, and close the environment there."""
        self._jobs.put(None)

    def join(self) -> None:
        """Wait for the thread, and kill what it waits for."""
        self._thread.join(CLOSING_S)
        if self._thread.is_alive():
            self._player.kill()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            reply = _run(self, self._player, job)
            self.since = None
            self._post(reply)
        self._player.close()


CLOSING_S = 5.0
"""How long closing waits for one worker, in seconds."""


def _run(worker: Worker, player: Player, job: Job) -> Reply:
    try:
        player.open()
        worker.since = time.monotonic()
        return Reply(worker, getattr(player, job.method)(*job.args))
    except Exception as error:
        _drop(player)
        return Reply(worker, None, error)


def _drop(player: Player) -> None:
    """Give up an environment that has raised; what it raises on being closed adds nothing."""
    try:
        player.drop()
    except Exception as error:
        logger.warning("closing a failed environment failed too: %s: %s", type(error).__name__, error)
