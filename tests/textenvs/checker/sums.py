"""A text environment that keeps every rule: say the running total of the numbers that the user names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from textenvs import Message, Outcome, Stop, TextEnv, Turn
from textenvs.partition import owner
from textenvs.rewards import Reward, RewardFunction, WeightedSum
from textenvs.seeding import Split, item_generator

TURNS = 3


@dataclass
class SumsEpisode:
    task_id: str
    numbers: tuple[int, ...]
    turn: int = 0
    right: int = 0

    instruction = "Say the sum of all numbers so far."
    tools = ('{"name": "add", "parameters": {"type": "object", "properties": {}}}',)

    @property
    def opening(self) -> tuple[Message, ...]:
        return (Message("user", str(self.numbers[0])),)

    def act(self, action: str) -> Outcome:
        total = str(sum(self.numbers[: self.turn + 1]))
        self.turn += 1
        self.right += action.strip() == total
        if self.turn == TURNS:
            done = self.right == TURNS
            return Outcome((), total, Stop.SUCCESS if done else Stop.FAILURE, success=done)
        return Outcome((Message("user", str(self.numbers[self.turn])),), total, invalid=not action.strip())

    def oracle(self) -> str:
        return str(sum(self.numbers[: self.turn + 1]))

    def content(self) -> str:
        return " ".join(map(str, self.numbers))

    def fork(self) -> SumsEpisode:
        return replace(self)


def right(turn: Turn) -> float:
    return float(turn.answer == turn.truth)


def brief(turn: Turn) -> float:
    return float(len(turn.answer) <= 6)


def draw_numbers(family: str, split: Split, index: int) -> tuple[int, ...]:
    generator = item_generator(family, split, index)
    numbers = [int(number) for number in generator.integers(1000, size=TURNS)]
    while owner(*numbers) != split:
        numbers[-1] += 1
    return tuple(numbers)


class Sums(TextEnv):
    """Say the running total."""

    family = "sums"
    reward_range = (0.0, 1.0)

    def make_episode(self, index: int) -> SumsEpisode:
        return SumsEpisode(f"{self.family}/{self.split}/{index}", draw_numbers(self.family, self.split, index))

    def parts(self) -> Mapping[str, RewardFunction]:
        return {"right": right, "brief": brief}

    def default_reward(self) -> Reward:
        return WeightedSum(self.parts(), {"right": 0.75, "brief": 0.25})

    def baselines(self) -> Mapping[str, Any]:
        return {**super().baselines(), "echo": lambda observation: observation["history"][-1]["content"]}
