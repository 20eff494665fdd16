"""HumanReward: what people say about an answer, as a reward. Nobody's answer is a missing reward, never 0."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.feedback.events import MAX_CANDIDATES
from agents.feedback.labelling.queue import LabelQueue
from agents.feedback.labelling.tasks import Question
from agents.feedback.signals import REWARDS, candidate_rewards
from agents.feedback.store import Interaction, Store
from textenvs.errors import ConfigError
from textenvs.faults import Fault
from textenvs.messages import Message, Turn
from textenvs.rewards.core import Score

HUMAN = "human"
"""Name of the part."""
PAUSE_S = 0.5
"""How often the queue is looked at."""


class HumanReward:
    """A reward that annotators give on the page of ``textenvs label``, from the same queue.

    Different answers to one conversation become one task, so that they can be compared. Turns that nobody has
    judged when the patience is over are missing; judged later, the same answers are rewarded when they come again.
    The reward can be copied and pickled, for its connection is opened when it is first asked.

    Args:
        store: path of an SQLite file, or ``postgresql://USER@HOST/NAME``.
        queue: name of the queue; ``textenvs label --queue NAME`` works it.
        patience_s: seconds that a batch waits for people; 0 takes what is there.
        rewards: what an event of each kind is worth; see `agents.feedback.signals`.
        sleep: waits some seconds.

    Raises:
        ConfigError: if the patience is negative.
    """

    def __init__(
        self,
        store: str | Path,
        queue: str = HUMAN,
        *,
        patience_s: float = 600.0,
        rewards: Mapping[str, float] = REWARDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not patience_s >= 0:
            raise ConfigError(f"patience_s={patience_s}: seconds that are not negative")
        self.__name__ = HUMAN
        self._arguments = (str(store), queue, patience_s, dict(rewards), sleep)
        self._lock = threading.Lock()
        self._opened: tuple[Store, LabelQueue] | None = None

    def __call__(self, turn: Turn) -> Score:
        """Score one turn."""
        return self.score_batch((turn,))[0]

    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        """Ask about all turns at once, and return one score each.

        Raises:
            ConfigError: if the store can be none.
            StoreUnavailableError: if the database cannot be used.
        """
        _, _, patience_s, rewards, sleep = self._arguments
        queue, questions = self._queue(), _questions(turns)
        shown = {task.id for task in queue.add(questions.values(), most=MAX_CANDIDATES)}
        deadline = time.monotonic() + patience_s
        while True:
            found = [one for one in queue.interactions() if one.impression.id in shown]
            if all(one.events for one in found) or time.monotonic() >= deadline:
                break
            sleep(min(PAUSE_S, max(0.0, deadline - time.monotonic())))
        worth = _worth(found, rewards)
        return [_score(worth.get((_conversation(turn), turn.answer), math.nan)) for turn in turns]

    def close(self) -> None:
        """Close the connection to the store; the next batch opens another."""
        with self._lock:
            if self._opened is not None:
                self._opened[0].close()
                self._opened = None

    def __getstate__(self) -> tuple[Any, ...]:
        return self._arguments

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        store, queue, patience_s, rewards, sleep = state
        self.__init__(store, queue, patience_s=patience_s, rewards=rewards, sleep=sleep)

    def _queue(self) -> LabelQueue:
        with self._lock:
            if self._opened is None:
                where, queue, *_ = self._arguments
                store = Store(where)
                self._opened = store, LabelQueue(store, queue, votes=1)
            return self._opened[1]


def _questions(turns: Sequence[Turn]) -> dict[tuple[Message, ...], Question]:
    found: dict[tuple[Message, ...], Question] = {}
    for turn in turns:
        conversation = _conversation(turn)
        found.setdefault(conversation, Question(conversation, turn.tools)).answers.setdefault(turn.answer, "")
    return found


def _conversation(turn: Turn) -> tuple[Message, ...]:
    return (Message("system", turn.instruction), *turn.history) if turn.instruction else turn.history


def _worth(found: Sequence[Interaction], rewards: Mapping[str, float]) -> dict[tuple[tuple[Message, ...], str], float]:
    """Return the reward of each answer to each conversation, NaN where nobody said anything about it."""
    return {
        (one.impression.conversation, candidate.text): reward
        for one in found
        for candidate, reward in zip(one.impression.candidates, candidate_rewards(one, rewards), strict=True)
    }


def _score(reward: float) -> Score:
    return Score.missing((HUMAN,), Fault.REWARD_TIMED_OUT) if math.isnan(reward) else Score(reward, {HUMAN: reward})
