"""What a turn of tool calling is worth.

The default pays what the task gained by the turn: its value after the turn minus its value before, so that the
rewards of an episode sum to its final value, and every turn is paid for its own calls. The final value is

- `WRONG_DECISION` (-0.5) for a wrong decision, whichever way: calling where nothing should be called costs as much as
  calling nothing where something should;
- 1 minus the cost if the task is done;
- else `INCOMPLETE` (0.8) times the mean of the parts that apply, of name, arguments, state, facts and answer, minus
  the cost, but never less than a wrong decision;
- `UNTIDY` (0.1) of that, before the cost, where the final words hold more than the answer, or calls were sprayed; see
  `judgement`. Only in the generated world.

Before the end it is `UNDER_WAY` (0.4) times the arguments' part, minus the cost. The parts are those of `judgement`.

Where an episode has several tasks, each counts for its share, and one that was never begun for a wrong decision.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from textenvs.envs.toolcall.judgement import MOST, PART_NAMES, UNDER_WAY, WRONG_DECISION, judge_after, judge_before
from textenvs.envs.toolcall.types import TurnTruth
from textenvs.faults import Fault
from textenvs.messages import Turn
from textenvs.rewards import Reward, RewardFunction, Score, Scored

REWARD_RANGE = (WRONG_DECISION - UNDER_WAY, 1.0 + MOST)
"""Least and greatest reward of one turn: the final value's range, less what was paid before."""

RETURN_RANGE = (WRONG_DECISION, 1.0)
"""Least and greatest sum of an episode's rewards: the final value's range."""


def toolcall_reward(turn: Turn) -> Score:
    """Score one turn with the default fusion; the value lies in `REWARD_RANGE`."""
    truth: TurnTruth = turn.truth
    now = judge_after(truth)
    value = truth.share * (now.value - judge_before(truth).value) + truth.missed * WRONG_DECISION
    if truth.last and truth.task.expectation.checker and math.isnan(truth.checked):
        return Score(value, now.parts, valid=False, fault=Fault.REWARD_FAILED)
    return Score(value, now.parts)


class Part:
    """One part as a reward of its own: paid at the end of every task by its share, 0 where it does not apply.

    Args:
        name: of the part, one of `PART_NAMES`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, turn: Turn) -> float:
        """Return the part at the end of a task, in [0, 1]; the cost is negative, so that its weight is positive."""
        truth: TurnTruth = turn.truth
        value = truth.share * judge_after(truth).parts[self.name] if truth.last else math.nan
        if math.isnan(value):
            return 0.0
        return -value if self.name == "cost" else value


PARTS: Mapping[str, RewardFunction] = MappingProxyType({name: Part(name) for name in PART_NAMES})
"""The parts by the names that configurations use."""


def default_reward() -> Reward:
    """Return the default fusion as a reward of the protocol."""
    return Scored(toolcall_reward, "toolcall", PART_NAMES)
