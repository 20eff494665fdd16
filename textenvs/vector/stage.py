"""Stage: the environments of a vector at work. Jobs go out, steps come in, whichever are ready."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from gymnasium.error import AlreadyPendingCallError

from textenvs.core import TextEnv
from textenvs.errors import ResetNeededError, UsageError
from textenvs.faults import Fault
from textenvs.messages import Stop
from textenvs.rewards.core import Score
from textenvs.settlement import Account, RewardTiming
from textenvs.vector.player import LocalPlayer
from textenvs.vector.remote import RemotePlayer, WorkerDiedError, pack
from textenvs.vector.scoring import InlineScorer, Scorer, Scores, ThreadScorer, Unscored
from textenvs.vector.slots import Slot, Step
from textenvs.vector.supply import Supply
from textenvs.vector.workers import InlineWorker, Job, Reply, ThreadWorker, Worker, WorkerKind

logger = logging.getLogger("textenvs.vector")

OPENING_S = 300.0
"""How long making an environment may take, in seconds, where a step has a time limit."""

HEARTBEAT_S = 1.0
"""Longest wait for a message, in seconds: a Ctrl-C that another thread has caught is heeded after it."""


class Stage:
    """Slots, their workers, and the reward; one mailbox that all of them post to.

    Args:
        supply: of environments.
        size: how many slots.
        workers: where environments are played.
        limit_s: of one step, and of one reward, in seconds; None for no limit.
    """

    def __init__(self, supply: Supply, size: int, workers: WorkerKind, limit_s: float | None) -> None:
        self._supply = supply
        self._lock = threading.Lock()
        self._kind = workers
        self._limit_s = limit_s
        self._packed = pack(supply.recipe(), supply.splits) if workers == "process" else b""
        self._mail: queue.SimpleQueue[Reply | Scores] = queue.SimpleQueue()
        self._timing: RewardTiming = "turn"
        self._scorer: Scorer | None = None
        self._nothing = Score(0.0, {})
        if supply.splits:
            env = supply.first.unwrapped
            assert isinstance(env, TextEnv)  # noqa: S101 (what `splits` means)
            self._timing = env.reward_timing
            self._scorer = (InlineScorer if workers == "inline" else ThreadScorer)(env.reward, self._mail.put)
            self._nothing = Score.missing(env.reward.part_names, Fault.REWARD_FAILED)
        self._slots = [Slot(index, Account(self._timing)) for index in range(size)]
        self._outstanding: dict[int, Slot] = {}
        self._returned: dict[int, Any] = {}
        self._progress: float | None = None

    def set_progress(self, progress: float) -> None:
        """Tell environments that score themselves how far training has come, each before its next episode."""
        self._progress = progress
        for slot in self._slots:
            slot.informed = False

    def begin(self, index: int, seed: int | None, options: dict[str, Any] | None) -> None:
        """Ask for an episode.

        Raises:
            AlreadyPendingCallError: if the environment is still busy.
        """
        slot = self._idle(index)
        slot.playing = False
        news = None if slot.informed else self._progress
        slot.informed = True
        self._start(slot, Job("reset", (seed, options, news)))

    def send(self, actions: Mapping[int, Any]) -> None:
        """Ask for actions to be played, by the number of the environment.

        Raises:
            ResetNeededError: if there is no episode in which to play one.
            AlreadyPendingCallError: if an environment is still busy.
        """
        slots = [self._idle(index) for index in actions]
        for slot in slots:
            if not slot.playing:
                raise ResetNeededError(f"environment {slot.index} has no episode: reset it before the first action")
        for slot, action in zip(slots, actions.values(), strict=True):
            self._start(slot, Job("play", (action,)))

    def receive(self, *, early: bool) -> list[Step]:
        """Wait until a step is there, and return those that are; nothing if nothing was asked for."""
        ready: list[Step] = []
        while not ready and self._outstanding:
            touched = self._read_mail(ready)
            touched |= self._end_what_is_late()
            for slot in touched.values():
                ready += slot.settle()
                if early:
                    ready += slot.announce(self._nothing)
                if not (slot.job or slot.queue):
                    self._outstanding.pop(slot.index, None)
        return ready

    def call(self, name: str, args: tuple[Any, ...]) -> list[Any]:
        """Return an attribute of every environment, or what it returns if it can be called."""
        for slot in self._slots:
            self._start(self._idle(slot.index), Job("call", (name, args)))
        while any(slot.job == "call" for slot in self._slots):
            self._read_mail([])
            self._end_what_is_late()
        returned, self._returned = self._returned, {}
        return [returned.get(slot.index) for slot in self._slots]

    def discard(self) -> None:
        """Forget whatever is outstanding; environments that are busy are replaced."""
        for slot in self._outstanding.values():
            if slot.job:
                slot.abandon()
            slot.job, slot.playing = "", False
            slot.queue.clear()
        self._outstanding.clear()

    def close(self) -> None:
        """End every worker."""
        self.discard()
        workers = [slot.worker for slot in self._slots if slot.worker is not None]
        for worker in workers:
            worker.close()
        for worker in workers:
            worker.join()
        if self._scorer is not None:
            self._scorer.close()
        self._supply.close()

    def _idle(self, index: int) -> Slot:
        slot = self._slots[index]
        if slot.job:
            raise AlreadyPendingCallError(f"environment {index} is still busy: receive its step first", slot.job)
        return slot

    def _start(self, slot: Slot, job: Job) -> None:
        if slot.worker is None:
            slot.worker = self._make_worker(slot.index)
        slot.job, slot.asked = job.method, time.monotonic()
        self._outstanding[slot.index] = slot
        slot.worker.start(job)

    def _make_worker(self, index: int) -> Worker:
        if self._kind == "process":
            return ThreadWorker(index, RemotePlayer(self._packed), self._mail.put)
        player = LocalPlayer(self._supply, self._lock)
        return (InlineWorker if self._kind == "inline" else ThreadWorker)(index, player, self._mail.put)

    def _read_mail(self, opened: list[Step]) -> dict[int, Slot]:
        """Wait for a message, take all that are there, and return the slots that they concern.

        Turns go to the reward together. First observations are added to `opened`: they wait for no score.
        """
        touched: dict[int, Slot] = {}
        unscored: list[Unscored] = []
        for message in self._messages(unscored):
            if isinstance(message, Reply):
                slot = self._slots[message.worker.slot]
                if slot.worker is message.worker:
                    self._take(slot, message, opened, unscored)
                    touched[slot.index] = slot
                continue
            for turn, score in zip(message.turns, message.scores, strict=True):
                turn.score = score
                touched[turn.slot] = self._slots[turn.slot]
        return touched

    def _messages(self, unscored: list[Unscored]) -> Iterator[Reply | Scores]:
        """Yield what is in the mailbox, after waiting for the first; have the turns scored that were left meanwhile."""
        try:
            yield self._mail.get(timeout=self._patience())
            while True:
                while not self._mail.empty():
                    yield self._mail.get_nowait()
                if not unscored or self._scorer is None:
                    return
                self._scorer.submit(unscored[:])
                unscored.clear()
        except queue.Empty:
            return

    def _take(self, slot: Slot, reply: Reply, opened: list[Step], unscored: list[Unscored]) -> None:
        """Take what came of a slot's job."""
        job, slot.job = slot.job, ""
        if reply.error is not None:
            slot.informed = False  # the environment that raised is replaced
            if job == "call" or (job == "reset" and isinstance(reply.error, UsageError)):
                self._outstanding.pop(slot.index)
                raise reply.error
            self._report(slot, reply.error)
        elif job == "call":
            self._returned[slot.index] = reply.value
        elif job == "reset":
            observation, info = reply.value
            if self._scorer is not None:
                info["reward_parts"] = dict(self._nothing.parts)
            opened.append(slot.opened(observation, info, self._timing))
        elif self._scorer is not None:
            unscored.append(slot.moved(reply.value))
        else:
            slot.stepped(reply.value)

    def _report(self, slot: Slot, error: Exception) -> None:
        died = isinstance(error, WorkerDiedError)
        logger.warning("environment %d failed: %s: %s", slot.index, type(error).__name__, error)
        logger.debug("traceback of the failed environment", exc_info=error)
        if died:
            slot.failed(Fault.WORKER_DIED, Stop.WORKER_DIED)
        else:
            slot.failed(Fault.ENVIRONMENT_RAISED, Stop.ERROR)

    def _patience(self) -> float:
        """Return how long to wait before somebody may be late, in seconds."""
        if self._limit_s is None:
            return HEARTBEAT_S
        now = time.monotonic()
        begun: list[float] = [
            slot.worker.since or now for slot in self._outstanding.values() if slot.worker and slot.job
        ]
        oldest = self._scorer.oldest() if self._scorer else None
        first = min(now, oldest or now, *begun)
        return min(max(0.0, first + self._limit_s - now), HEARTBEAT_S)

    def _end_what_is_late(self) -> dict[int, Slot]:
        """Give up the environments and the rewards that have had their time, and return their slots."""
        if self._limit_s is None:
            return {}
        now = time.monotonic()
        late = {index: slot for index, slot in self._outstanding.items() if self._is_late(slot, now)}
        for slot in late.values():
            logger.warning("environment %d took more than %g s over %s", slot.index, self._limit_s, slot.job)
            slot.abandon()
            slot.job = ""
            slot.failed(Fault.ENVIRONMENT_TIMED_OUT, Stop.TIMED_OUT)
        for turn in self._scorer.give_up(now - self._limit_s) if self._scorer else []:
            logger.warning("the reward of environment %d took more than %g s", turn.slot, self._limit_s)
            turn.score = Score.missing(self._nothing.parts, Fault.REWARD_TIMED_OUT)
            late[turn.slot] = self._slots[turn.slot]
        return late

    def _is_late(self, slot: Slot, now: float) -> bool:
        if not slot.job or slot.worker is None or self._limit_s is None:
            return False
        since = slot.worker.since
        return now > (slot.asked + OPENING_S if since is None else since + self._limit_s)
