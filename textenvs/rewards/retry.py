"""Patience with a slow or unsteady reward, and its bounds: a time limit, a few more attempts, then a missing mark."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from textenvs.errors import RewardSpecError
from textenvs.faults import Fault
from textenvs.messages import Turn
from textenvs.rewards.core import Reward, RewardFunction, Score, Scored
from textenvs.rewards.guard import ask

logger = logging.getLogger("textenvs.rewards")

Mail = queue.SimpleQueue[tuple[int, Sequence[Score]]]
"""Numbers of calls, and what came of them."""

LONGEST_WAIT_S = 30.0
"""Most seconds between two attempts."""


class Retry(Reward):
    """A reward that is asked again for the turns it could not score, so many times and no more.

    What is missing after the last attempt stays missing, never 0. A reward that takes batches is asked for all such
    turns in one call; any other for many turns at once, each on a thread of its own. Name and parts are the reward's.

    A call that exceeds its time limit is left behind: its thread cannot be ended, and goes on until the call returns.

    Args:
        reward: what is asked; best a single one, since everything in it is asked again.
        retries: most further attempts at a turn.
        timeout_s: time limit of one call in seconds; None for none.
        wait_s: seconds before the first further attempt; twice as many before each later one, up to `LONGEST_WAIT_S`.
        concurrency: most calls at a time of a reward that takes no batches.

    Raises:
        RewardSpecError: if a number is out of range.
    """

    def __init__(
        self,
        reward: Reward | RewardFunction,
        retries: int = 2,
        timeout_s: float | None = None,
        wait_s: float = 1.0,
        concurrency: int = 16,
    ) -> None:
        self.reward = reward if isinstance(reward, Reward) else Scored(reward)
        super().__init__(self.reward.name)
        if retries < 0 or wait_s < 0.0 or concurrency < 1 or (timeout_s is not None and not timeout_s > 0.0):
            raise RewardSpecError(
                f"Retry(retries={retries}, timeout_s={timeout_s}, wait_s={wait_s}, concurrency={concurrency}): give "
                "at least 0 retries, a time limit above 0, a wait of 0 or more, and 1 call at a time"
            )
        self.retries, self.timeout_s, self.wait_s, self.concurrency = retries, timeout_s, wait_s, concurrency

    @property
    def part_names(self) -> tuple[str, ...]:
        """Those of the reward."""
        return self.reward.part_names

    @property
    def batches(self) -> bool:
        """Whether the reward does."""
        return self.reward.batches

    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        """Score the turns, and once more those that are missing, as often as that is allowed."""
        scores = list(self._attempt(turns))
        for attempt in range(self.retries):
            missing = [place for place, score in enumerate(scores) if not score.valid]
            if not missing:
                break
            time.sleep(min(LONGEST_WAIT_S, self.wait_s * 2**attempt))
            for place, score in zip(missing, self._attempt([turns[place] for place in missing]), strict=True):
                scores[place] = score
        return scores

    def check(self) -> None:
        """Have the reward look."""
        self.reward.check()

    def set_progress(self, progress: float) -> None:
        """Tell the reward."""
        self.reward.set_progress(progress)

    def state(self) -> dict[str, Any]:
        """Return the reward's state."""
        return self.reward.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the reward."""
        self.reward.restore(state)

    def _attempt(self, turns: Sequence[Turn]) -> Sequence[Score]:
        jobs = [turns] if self.reward.batches else [[turn] for turn in turns]
        if self.timeout_s is None and len(jobs) == 1:
            return ask(self.reward, turns)
        return [score for scores in self._side_by_side(jobs) for score in scores]

    def _side_by_side(self, jobs: Sequence[Sequence[Turn]]) -> list[Sequence[Score]]:
        """Run the calls on daemon threads, each until its time is up."""
        done: dict[int, Sequence[Score]] = {}
        mail: Mail = queue.SimpleQueue()
        waiting, deadlines = deque(range(len(jobs))), dict[int, float]()
        while waiting or deadlines:
            while waiting and len(deadlines) < self.concurrency:
                number = waiting.popleft()
                deadlines[number] = time.monotonic() + (self.timeout_s or math.inf)
                work = (self.reward, jobs[number], number, mail)
                threading.Thread(target=_work, args=work, name="textenvs-retry", daemon=True).start()
            _receive(mail, done, deadlines)
            for number in [number for number, deadline in deadlines.items() if deadline <= time.monotonic()]:
                del deadlines[number]
                done[number] = self._late(len(jobs[number]))
        return [done[number] for number in range(len(jobs))]

    def _late(self, count: int) -> list[Score]:
        logger.warning("reward %r took more than %g s for %d turns", self.name, self.timeout_s, count)
        return [Score.missing(self.part_names, Fault.REWARD_TIMED_OUT)] * count

    def __repr__(self) -> str:
        return f"Retry({self.reward!r}, retries={self.retries}, timeout_s={self.timeout_s})"


def _work(reward: Reward, turns: Sequence[Turn], number: int, mail: Mail) -> None:
    mail.put((number, ask(reward, turns)))


def _receive(mail: Mail, done: dict[int, Sequence[Score]], deadlines: dict[int, float]) -> None:
    """Wait for the next call to end, or for the first to be late; what comes of one that was given up is dropped."""
    patience = max(0.0, min(deadlines.values()) - time.monotonic())
    try:
        number, scores = mail.get(timeout=None if math.isinf(patience) else patience)
    except queue.Empty:
        return
    if deadlines.pop(number, None) is not None:
        done[number] = scores
