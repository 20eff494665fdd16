"""What a turn of a service dialogue is worth, by the formula of `stakes`.

Every turn pays its cost, and a wrong answer its own; the last turn pays for completion, satisfaction, and a user that
left, and takes its share for untidy messages. `DialogueStrategy` pays all of it at the end by default
(``reward_timing="episode"``). Where the simulated user failed, the reward is missing. Recorded conversations pay their
decisions, see `recorded.decisions`: there completion is the weight of the right ones, a wrong answer is one where
asking was right, and there is nobody to be satisfied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from textenvs.envs.dialogue.recorded import DecisionTruth
from textenvs.envs.dialogue.stakes import UNTIDY, final_value, move_cost, satisfaction
from textenvs.envs.dialogue.types import TurnTruth
from textenvs.faults import Fault
from textenvs.messages import Turn
from textenvs.rewards import Reward, RewardFunction, Score, Scored

PART_NAMES = ("completion", "satisfaction", "turn_cost", "wrong_answer", "user_left", "tidy")

REWARD_RANGE = (-1.0 - UNTIDY, 1.0)
"""Least and greatest reward of one turn: of a conversation with a simulated user, both are a little nearer to 0."""


def parts_of(truth: TurnTruth | DecisionTruth) -> dict[str, float]:
    """Return the parts of a turn by name.

    Completion in [0, 1], satisfaction in [1, 5], whether the user left and whether all messages were tidy are known at
    the end and NaN before; turn cost is 1 for every turn, wrong answer 1 where one was given.
    """
    if isinstance(truth, DecisionTruth):
        premature = float(truth.ask and not truth.asked)
        known = math.nan if truth.right is None else truth.right
        return dict(zip(PART_NAMES, (known, math.nan, 1.0, premature, math.nan, math.nan), strict=True))
    end = truth.closing
    return {
        "completion": end.completion if end else math.nan,
        "satisfaction": satisfaction(end.completion, end.strain) if end else math.nan,
        "turn_cost": 1.0,
        "wrong_answer": float(truth.wrong),
        "user_left": float(end.left) if end else math.nan,
        "tidy": float(end.tidy) if end else math.nan,
    }


def dialogue_reward(turn: Turn) -> Score:
    """Score one turn with the default fusion; the value lies in `REWARD_RANGE`."""
    truth: TurnTruth | DecisionTruth = turn.truth
    if isinstance(truth, DecisionTruth):
        return Score(truth.weight if truth.ask == truth.asked else -truth.weight, parts_of(truth))
    if truth.fault:
        return Score.missing(PART_NAMES, Fault.REWARD_FAILED)
    end = truth.closing
    value = final_value(end.completion, end.strain, end.left) - UNTIDY * (not end.tidy) if end else 0.0
    return Score(value - move_cost(truth.wrong), parts_of(truth))


class Part:
    """One part as a reward of its own; 0 where it is not known yet.

    Costs are negative and satisfaction is mapped to [0, 1], so that every weight is positive.

    Args:
        name: of the part, one of `PART_NAMES`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, turn: Turn) -> float:
        """Return the part of a turn, NaN where the simulated user failed."""
        truth: TurnTruth | DecisionTruth = turn.truth
        if isinstance(truth, TurnTruth) and truth.fault:
            return math.nan
        value = parts_of(truth)[self.name]
        if math.isnan(value):
            return 0.0
        if self.name == "satisfaction":
            return (value - 1.0) / 4.0
        return value if self.name in ("completion", "tidy") else -value


PARTS: Mapping[str, RewardFunction] = MappingProxyType({name: Part(name) for name in PART_NAMES})
"""The parts by the names that configurations use."""


def default_reward() -> Reward:
    """Return the default fusion as a reward of the protocol."""
    return Scored(dialogue_reward, "dialogue", PART_NAMES)
