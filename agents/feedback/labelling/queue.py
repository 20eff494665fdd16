"""LabelQueue: tasks that wait for annotators, kept in the store of feedback; any process can fill or work it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import TypeAdapter, ValidationError

from agents.feedback.admission import Outcome
from agents.feedback.events import Event, Impression
from agents.feedback.labelling.tasks import Question, task
from agents.feedback.labelling.verdict import Name, Verdict, events_of
from agents.feedback.refusals import Reason, Refusal
from agents.feedback.store import CHUNK, Interaction, Store
from textenvs.errors import ConfigError

_NAMES: TypeAdapter[str] = TypeAdapter(Name)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is.

    Attributes:
        tasks: in the queue.
        finished: that as many annotators as wanted have judged.
        mine: that this annotator has judged.
    """

    tasks: int
    finished: int
    mine: int


class LabelQueue:
    """Tasks of one name in a store; each is an impression, and what annotators say about it are its events.

    Args:
        store: where they are; whoever made it closes it.
        name: of the queue.
        votes: annotators who shall judge each task; two at least show how far they agree.
        seed: of the orders in which answers are shown.
        clock: tells the time, in seconds since 1970.

    Raises:
        ConfigError: if the name is none, or no votes are wanted.
    """

    def __init__(
        self,
        store: Store,
        name: str = "default",
        *,
        votes: int = 2,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        try:
            _NAMES.validate_python(name)
        except ValidationError:
            raise ConfigError(f"queue {name!r}: a name has letters, digits and _.@+-, at most 32") from None
        if votes < 1:
            raise ConfigError(f"votes={votes}: at least 1 annotator must judge a task")
        self.prefix = f"label/{name}/"
        self._store, self._votes, self._seed, self._clock = store, votes, seed, clock
        self._seen = 0
        self._tasks: dict[str, Interaction] = {}
        self._judged: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def add(self, found: Iterable[Question], policy_version: str = "label", *, most: int = 4) -> list[Impression]:
        """Put questions into the queue; one that is there already stays as it is.

        Args:
            found: the questions.
            policy_version: that the impressions carry.
            most: answers of a question that are shown.

        Returns:
            The task of each question.

        Raises:
            StoreUnavailableError: if the store cannot be written; some may be in it.
        """
        now, known = self._clock(), self._known()
        wanted = [task(one, self.prefix, policy_version, now, most=most, seed=self._seed) for one in found]
        fresh = list({one.id: one for one in wanted if one.id not in known}.values())
        for first in range(0, len(fresh), CHUNK):
            self._store.append(fresh[first : first + CHUNK])
        known = self._known()
        return [known[one.id].impression for one in wanted]

    def interactions(self) -> list[Interaction]:
        """Return every task with what was said about it, in the order of the queue."""
        return list(self._known().values())

    def next(self, annotator: str, skipped: Collection[str] = ()) -> Impression | None:
        """Return a task that still wants this annotator, or None.

        Those that others have judged already come first, so that there soon is something to agree about.

        Args:
            annotator: who is asking.
            skipped: tasks that he does not want.
        """
        known = self._known()
        waiting = [
            (-len(judges), number, name)
            for number, (name, judges) in enumerate(self._judged.items())
            if annotator not in judges and len(judges) < self._votes and name not in skipped
        ]
        return known[min(waiting)[2]].impression if waiting else None

    def order(self, impression: Impression, annotator: str) -> list[int]:
        """Return the positions of the answers in the order in which this annotator sees them."""
        key = f"{impression.id} {annotator}".encode()
        return np.random.default_rng([self._seed, *key]).permutation(len(impression.candidates)).tolist()

    def progress(self, annotator: str) -> Progress:
        """Return how far the work is."""
        self._known()
        judges = self._judged.values()
        finished = sum(len(people) >= self._votes for people in judges)
        return Progress(len(self._judged), finished, sum(annotator in people for people in judges))

    def events(self, verdict: Verdict) -> list[Event] | Refusal:
        """Return the events that a verdict becomes, or why it is not taken; they are still to be stored."""
        found = self._known().get(verdict.impression_id)
        if found is None:
            return Refusal(Reason.UNKNOWN_IMPRESSION, f"impression_id: no task {verdict.impression_id!r} in the queue")
        if verdict.annotator in self._judged[verdict.impression_id]:
            return Refusal(Reason.CONFLICT, f"annotator: {verdict.annotator} has judged this task already")
        n = len(found.impression.candidates)
        beyond = [place for place in _positions(verdict) if place >= n]
        if beyond:
            return Refusal(Reason.UNKNOWN_POSITION, f"position: {beyond[0]}, but there are {n} (positions start at 0)")
        return events_of(verdict, found.impression, self._clock())

    def judge(self, verdict: Verdict) -> Sequence[Outcome | Refusal]:
        """Store a verdict and say what became of its events.

        Raises:
            StoreUnavailableError: if the store cannot be written; nothing was stored.
        """
        found = self.events(verdict)
        return [found] if isinstance(found, Refusal) else self._store.append(found)

    def _known(self) -> dict[str, Interaction]:
        """Return the tasks, with what is new in the store since the last look."""
        with self._lock:
            last = self._store.last_seq()
            if last > self._seen:
                for found in self._store.interactions(self._seen, prefix=self.prefix):
                    self._tasks[found.impression.id] = found
                    self._judged[found.impression.id] = {event.user_id for event in found.events if event.user_id}
                self._seen = last
            return self._tasks


def _positions(verdict: Verdict) -> list[int]:
    named = [*verdict.order, *(one.position for one in (*verdict.scores, *verdict.corrections))]
    return named if verdict.best is None else [verdict.best, *named]
