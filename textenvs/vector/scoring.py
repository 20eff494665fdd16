"""The reward, asked in the parent: at once, or on threads of its own so that a slow judge holds nothing up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from textenvs.messages import Turn
from textenvs.rewards.core import Reward, Score
from textenvs.rewards.guard import ask
from textenvs.settlement import Account, Observation

MAX_SCORERS = 64
"""Most turns, or batches of turns, that are scored at the same time."""


@dataclass(eq=False, slots=True)
class Unscored:
    """A turn on its way through the reward.

    Attributes:
        slot: number of the environment.
        turn: to be scored.
        observation: what the agent sees after it.
        account: of its episode.
        score: None until it is there.
        announced: whether the step was handed out without its reward.
    """

    slot: int
    turn: Turn
    observation: Observation
    account: Account
    score: Score | None = None
    announced: bool = False


@dataclass(frozen=True, slots=True)
class Scores:
    """What came of one call of the reward."""

    turns: Sequence[Unscored]
    scores: Sequence[Score]


Post = Callable[[Scores], None]


class Scorer(Protocol):
    """Asks the reward."""

    def submit(self, turns: Sequence[Unscored]) -> None:
        """Have the turns scored; the scores are posted."""
        ...

    def oldest(self) -> float | None:
        """Return when the longest call now running began, by `time.monotonic`; None if none is."""
        ...

    def give_up(self, before: float) -> list[Unscored]:
        """Wait no longer for calls that began before a time; return their turns, whose scores will not be posted."""
        ...

    def close(self) -> None:
        """Score no more."""
        ...


class InlineScorer:
    """Asks the reward in the caller's thread, once for all turns."""

    def __init__(self, reward: Reward, post: Post) -> None:
        self._reward = reward
        self._post = post

    def submit(self, turns: Sequence[Unscored]) -> None:
        """Score the turns now."""
        self._post(Scores(turns, ask(self._reward, [unscored.turn for unscored in turns])))

    def oldest(self) -> None:
        """Return None: when the caller can ask, no call is running."""

    def give_up(self, before: float) -> list[Unscored]:
        """Return nothing."""
        return []

    def close(self) -> None:
        """Do nothing."""


class ThreadScorer:
    """Asks the reward on threads: once for all turns where it gains from that, else for each apart.

    Threads are daemons and made as they are needed; see `MAX_SCORERS`.
    """

    def __init__(self, reward: Reward, post: Post) -> None:
        self._reward = reward
        self._post = post
        self._jobs: SimpleQueue[Sequence[Unscored] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._running: dict[int, tuple[float, Sequence[Unscored]]] = {}
        self._waiting = self._threads = 0

    def submit(self, turns: Sequence[Unscored]) -> None:
        """Hand the turns to threads that have nothing to do, or to new ones."""
        for job in [turns] if self._reward.batches else [[turn] for turn in turns]:
            with self._lock:
                self._waiting += 1
            self._jobs.put(job)
        self._staff()

    def oldest(self) -> float | None:
        """Return when the longest call now running began."""
        with self._lock:
            return min((since for since, _ in self._running.values()), default=None)

    def give_up(self, before: float) -> list[Unscored]:
        """Count the threads of overdue calls no more; they end if their calls ever return."""
        with self._lock:
            overdue = [name for name, (since, _) in self._running.items() if since < before]
            turns = [turn for name in overdue for turn in self._running.pop(name)[1]]
            self._threads -= len(overdue)
        self._staff()
        return turns

    def close(self) -> None:
        """Let every thread end."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _staff(self) -> None:
        """Add threads while there are more jobs than threads."""
        while True:
            with self._lock:
                if self._waiting + len(self._running) <= self._threads or self._threads >= MAX_SCORERS:
                    return
                self._threads += 1
            threading.Thread(target=self._work, name="textenvs-reward", daemon=True).start()

    def _work(self) -> None:
        name = threading.get_ident()
        while (job := self._jobs.get()) is not None:
            with self._lock:
                self._waiting -= 1
                self._running[name] = (time.monotonic(), job)
            scores = ask(self._reward, [unscored.turn for unscored in job])
            with self._lock:
                if self._running.pop(name, None) is None:
                    return
            self._post(Scores(job, scores))
