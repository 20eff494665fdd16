"""Slot: one environment of a vector as its parent sees it, with its steps in order."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from textenvs.faults import Fault
from textenvs.messages import Stop, Turn
from textenvs.rewards.core import Score
from textenvs.settlement import Account, Info, RewardTiming, StepResult, observation_after
from textenvs.vector.scoring import Unscored
from textenvs.vector.workers import Worker


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one action, or of a reset, in one environment.

    Attributes:
        index: of the environment.
        observation: None where not even `reset` gave one.
        reward: 0.0 after a reset and where the environment failed; NaN where it is still being computed.
        terminated: the environment's own end.
        truncated: a limit from outside, or a failure, ended the episode.
        info: of its own, shared with nobody.
        fault: what failed, if anything did. Where the environment did, ``info["stop"]`` names it.
        moved: whether this is the first that is heard of it. Early receivers hear of some steps twice: first that
            the world has moved, then what that was worth.
        settled: whether the reward is known.
    """

    index: int
    observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: Info
    fault: Fault | None = None
    moved: bool = True
    settled: bool = True

    @property
    def ended(self) -> bool:
        """Whether the episode is over."""
        return self.terminated or self.truncated


@dataclass(slots=True)
class Slot:
    """One environment.

    Attributes:
        index: its number.
        account: of its episode.
        worker: that plays it; None until it is needed.
        informed: whether its environment knows how far training has come.
        job: the method that its worker is busy with; ``""`` if it is idle.
        asked: when it was given that job, by `time.monotonic`.
        playing: whether an episode is going on, so that an action can be played.
        observation: the latest.
        info: the latest.
        queue: steps that are played, in order; a turn among them waits for its score.
    """

    index: int
    account: Account
    worker: Worker | None = None
    informed: bool = False
    job: str = ""
    asked: float = 0.0
    playing: bool = False
    observation: Any = None
    info: Info = field(default_factory=dict[str, Any])
    queue: deque[Unscored | Step] = field(default_factory=deque["Unscored | Step"])

    def opened(self, observation: Any, info: Info, timing: RewardTiming) -> Step:
        """Begin an episode, and return its first step."""
        self.observation, self.info, self.playing = observation, info, True
        self.account = Account(timing)
        return Step(self.index, observation, 0.0, False, False, info)

    def moved(self, turn: Turn) -> Unscored:
        """Take a turn that the world has answered; it waits for its score."""
        self.observation, self.playing = observation_after(turn), not turn.last
        unscored = Unscored(self.index, turn, self.observation, self.account)
        self.queue.append(unscored)
        return unscored

    def stepped(self, result: StepResult) -> None:
        """Take the step of an environment that has computed its reward itself."""
        observation, reward, terminated, truncated, info = result
        fault = None
        if not math.isfinite(reward):
            fault = Fault.REWARD_NOT_FINITE
        elif not info.get("reward_valid", 1.0):
            fault = Fault.REWARD_FAILED
        self.observation, self.playing = observation, not (terminated or truncated)
        self.queue.append(Step(self.index, observation, reward, bool(terminated), bool(truncated), info, fault))

    def failed(self, fault: Fault, stop: Stop) -> None:
        """End the episode of an environment that has failed: it says nothing about the policy."""
        parts = dict.fromkeys(self.info.get("reward_parts", {}), math.nan)
        info = {**self.info, "success": math.nan, "reward_valid": 0.0, "reward_parts": parts, "stop": stop.value}
        self.playing = False
        self.queue.append(Step(self.index, self.observation, 0.0, False, True, info, fault))

    def abandon(self) -> None:
        """Give up the worker, and its environment with it; another is made when it is needed."""
        if self.worker is not None:
            self.worker.abandon()
        self.worker, self.informed = None, False

    def settle(self) -> Iterator[Step]:
        """Yield the steps that are complete, up to the first that is not."""
        while self.queue:
            head = self.queue[0]
            if isinstance(head, Unscored):
                if head.score is None:
                    return
                head = _scored(head, head.score)
            self.queue.popleft()
            self.info = head.info
            yield head

    def announce(self, nothing: Score) -> Iterator[Step]:
        """Yield the turns that wait for their scores and have not been shown, as steps without a reward."""
        for waiting in self.queue:
            if isinstance(waiting, Unscored) and not waiting.announced:
                step = _scored(replace(waiting, account=Account("turn")), nothing)
                waiting.announced = True
                yield replace(step, reward=math.nan, fault=None, settled=False)


def _scored(unscored: Unscored, score: Score) -> Step:
    result = unscored.account.settle(unscored.turn, score, unscored.observation)
    observation, reward, terminated, truncated, info = result
    fault = None if score.valid else score.fault or Fault.REWARD_FAILED
    return Step(unscored.slot, observation, reward, terminated, truncated, info, fault, moved=not unscored.announced)
