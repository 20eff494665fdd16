"""Group commit: what many requests bring is appended in one transaction, and each learns when it is durable."""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from agents.feedback.admission import Outcome
from agents.feedback.events import Event, Impression
from agents.feedback.refusals import Reason, Refusal
from agents.feedback.store import Store
from textenvs.errors import StoreUnavailableError

GROUP = 500
"""Records after which a transaction takes no further request."""
PAUSE_S = 1.0
"""How often counts are written while nothing else is."""

Outcomes = list[Outcome | Refusal]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    records: Sequence[Impression | Event]
    done: Future[Outcomes] = field(default_factory=Future)


class GroupWriter:
    """A thread that appends to the store for everybody.

    A transaction costs a wait for the disk, whatever its size; so requests that come while one is being written
    go into the next one together.

    Args:
        store: to append to.
        capacity: requests that may wait; a further one is turned away.
    """

    def __init__(self, store: Store, capacity: int = 2000) -> None:
        self._store = store
        self._jobs: queue.Queue[_Job | None] = queue.Queue(capacity)
        self._refused: Counter[Reason] = Counter()
        self._flushing = threading.Lock()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="feedback-writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._jobs.put(None)
        self._thread.join()

    def submit(self, records: Sequence[Impression | Event]) -> Future[Outcomes]:
        """Have records appended.

        Returns:
            What becomes of each, once it is durable; or `StoreUnavailableError`, and then none was appended.

        Raises:
            StoreUnavailableError: if too many requests wait already.
        """
        job = _Job(records)
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self.count(Reason.UNAVAILABLE, len(records))
            raise StoreUnavailableError("more is coming in than the store can write; try again") from None
        return job.done

    def count(self, reason: Reason, n: int = 1) -> None:
        """Count what was refused without the store's doing; it is written with the next transaction.

        Such are bodies that were no records, and records that the store could not take.
        """
        with self._lock:
            self._refused[reason] += n

    @contextmanager
    def pending(self) -> Generator[Counter[Reason]]:
        """Give the counts that are not yet in the store, and keep them out of it for as long as the context lasts.

        So whoever adds them to what the store holds counts nothing twice.
        """
        with self._flushing:
            with self._lock:
                counts = self._refused.copy()
            yield counts

    def _run(self) -> None:
        going = True
        while going:
            jobs: list[_Job] = []
            going = self._gather(jobs)
            if jobs:
                self._append(jobs)
            self._flush_counts()

    def _gather(self, jobs: list[_Job]) -> bool:
        """Collect what waits, up to a group; return whether to go on after it."""
        try:
            job = self._jobs.get(timeout=PAUSE_S)
            while job is not None:
                jobs.append(job)
                if sum(len(job.records) for job in jobs) >= GROUP:
                    return True
                job = self._jobs.get_nowait()
        except queue.Empty:
            return True
        return False

    def _append(self, jobs: Sequence[_Job]) -> None:
        try:
            outcomes = iter(self._store.append([record for job in jobs for record in job.records]))
        except Exception as error:
            if isinstance(error, StoreUnavailableError):
                self.count(Reason.UNAVAILABLE, sum(len(job.records) for job in jobs))
            else:
                _LOG.exception("appending failed")
            for job in jobs:
                job.done.set_exception(error)
            return
        for job in jobs:
            job.done.set_result([next(outcomes) for _ in job.records])

    def _flush_counts(self) -> None:
        with self._flushing:
            with self._lock:
                counts, self._refused = self._refused, Counter()
            try:
                if counts:
                    self._store.count_refusals(counts)
            except StoreUnavailableError:
                with self._lock:
                    self._refused.update(counts)
