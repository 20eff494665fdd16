"""The reward of several environments: each turn is scored by the environment that it was played in."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from textenvs.messages import Turn
from textenvs.rewards.core import Reward, Score

SEPARATOR = "/"
"""Stands between the name of a task and what belongs to it: an item, or a part of the reward."""


class ByTask(Reward):
    """Each task's own reward; the parts of the others are not scored.

    Args:
        rewards: by task; `Turn.task_id` begins with the name of one.
    """

    def __init__(self, rewards: Mapping[str, Reward]) -> None:
        super().__init__("by_task")
        self.rewards = dict(rewards)

    @property
    def part_names(self) -> tuple[str, ...]:
        """The parts of every task, as ``task/part``."""
        return tuple(f"{task}{SEPARATOR}{part}" for task, reward in self.rewards.items() for part in reward.part_names)

    @property
    def batches(self) -> bool:
        """Whether any of the rewards would rather score many turns at once."""
        return any(reward.batches for reward in self.rewards.values())

    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        """Score the turns, task by task."""
        places: dict[str, list[int]] = defaultdict(list)
        for place, turn in enumerate(turns):
            places[turn.task_id.partition(SEPARATOR)[0]].append(place)
        scores: dict[int, Score] = {}
        for task, own in places.items():
            inner = self.rewards[task].score_batch([_inner(turns[place]) for place in own])
            scores |= {place: self._named(task, score) for place, score in zip(own, inner, strict=True)}
        return [scores[place] for place in range(len(turns))]

    def check(self) -> None:
        """Have every reward look."""
        for reward in self.rewards.values():
            reward.check()

    def set_progress(self, progress: float) -> None:
        """Tell every reward."""
        for reward in self.rewards.values():
            reward.set_progress(progress)

    def state(self) -> dict[str, Any]:
        """Return the state of those that have one, by task."""
        states = {task: reward.state() for task, reward in self.rewards.items()}
        return {task: state for task, state in states.items() if state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Give each its state back."""
        for task, own in state.items():
            self.rewards[task].restore(own)

    def _named(self, task: str, score: Score) -> Score:
        own = {f"{task}{SEPARATOR}{part}": value for part, value in score.parts.items()}
        return score._replace(parts={**dict.fromkeys(self.part_names, math.nan), **own})


def _inner(turn: Turn) -> Turn:
    """Return a turn as its own environment made it."""
    return replace(turn, task_id=turn.task_id.partition(SEPARATOR)[2])
