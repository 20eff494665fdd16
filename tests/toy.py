"""A text environment of forty lines, for tests of everything that stands around environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from textenvs import Message, Outcome, Stop, TextEnv, Turn
from textenvs.rewards import Reward, RewardFunction, WeightedSum
from textenvs.seeding import item_generator

WORDS = ("red", "green", "blue", "gold")


@dataclass
class EchoEpisode:
    """Say back the last word of the user, three turns long."""

    index: int
    words: tuple[str, ...]
    turn: int = 0
    right: int = 0

    instruction = "Repeat the word."
    tools = ()

    @property
    def task_id(self) -> str:
        return f"echo/{self.index}"

    @property
    def opening(self) -> tuple[Message, ...]:
        return (Message("user", self.words[0]),)

    def act(self, action: str) -> Outcome:
        word = self.words[self.turn]
        self.turn += 1
        self.right += action.strip() == word
        if self.turn == len(self.words):
            done = self.right == len(self.words)
            return Outcome((), word, Stop.SUCCESS if done else Stop.FAILURE, success=done)
        return Outcome((Message("user", self.words[self.turn]),), word)

    def oracle(self) -> str:
        return self.words[self.turn]

    def content(self) -> str:
        return " ".join(self.words)

    def fork(self) -> EchoEpisode:
        return replace(self)


def exact(turn: Turn) -> float:
    return float(turn.answer == turn.truth)


def brief(turn: Turn) -> float:
    return float(len(turn.answer) <= 5)


def broken(turn: Turn) -> float:
    raise RuntimeError("no reward today")


def not_a_number(turn: Turn) -> float:
    return float("nan")


class EchoEnv(TextEnv):
    """Three turns of echo."""

    family = "echo"

    def make_episode(self, index: int) -> EchoEpisode:
        generator = item_generator(self.family, self.split, index)
        return EchoEpisode(index, tuple(WORDS[i] for i in generator.integers(len(WORDS), size=3)))

    def parts(self) -> Mapping[str, RewardFunction]:
        return {"exact": exact, "brief": brief}

    def default_reward(self) -> Reward:
        return WeightedSum(self.parts(), {"exact": 0.75, "brief": 0.25})
