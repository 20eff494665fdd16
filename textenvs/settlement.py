"""Settlement: from a turn and its score to Gymnasium's 5-tuple, wherever the two come together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from textenvs.messages import Message, Stop, Turn
from textenvs.rewards.core import Score

RewardTiming = Literal["turn", "episode"]


class Observation(TypedDict):
    """What the agent sees; `history` only grows within an episode."""

    instruction: str
    tools: tuple[str, ...]
    history: tuple[Message, ...]


Info = dict[str, Any]
StepResult = tuple[Observation, float, bool, bool, Info]


class _Unscored(float):
    """NaN for a part that was not scored; as a value in an info it equals itself.

    Gymnasium's environment checker compares the infos of two equal steps with ``==``, under which a plain NaN makes
    every environment look random. It is a NaN for everything else, ``!=`` included.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unscored)

    def __hash__(self) -> int:
        return hash(_Unscored)


UNSCORED = _Unscored("nan")
"""What an info holds for a part that was not scored."""


@dataclass(slots=True)
class Account:
    """What one episode has earned so far and has not been paid.

    Attributes:
        timing: when rewards are paid, as `TextEnv.reward_timing`.
        owed: the sum of the rewards held back.
        valid: whether all of them could be computed.
    """

    timing: RewardTiming
    owed: float = 0.0
    valid: bool = True

    def settle(self, turn: Turn, score: Score, observation: Observation) -> StepResult:
        """Turn one move of the world and its score into ``(observation, reward, terminated, truncated, info)``.

        Args:
            turn: the episode's next; the turns of an episode are settled in order.
            score: of the turn.
            observation: what the agent sees after it.
        """
        reward, valid = score.value, score.valid
        if self.timing == "episode":
            self.owed += reward
            self.valid &= valid
            reward, valid = (self.owed, self.valid) if turn.last else (0.0, True)
        info: Info = {
            "success": float(turn.success),
            "turn": float(turn.index + 1),
            "invalid_action": float(turn.invalid),
            "reward_valid": float(valid),
            "reward_parts": {name: UNSCORED if math.isnan(part) else part for name, part in score.parts.items()},
            "task_id": turn.task_id,
            "stop": turn.stop.value,
        }
        return observation, reward, turn.last, False, info


def opening_info(task_id: str, part_names: Iterable[str]) -> Info:
    """Return the info of an episode in which nothing has been scored yet."""
    return {
        "success": 0.0,
        "turn": 0.0,
        "invalid_action": 0.0,
        "reward_valid": 1.0,
        "reward_parts": dict[str, float].fromkeys(part_names, UNSCORED),
        "task_id": task_id,
        "stop": Stop.RUNNING.value,
    }


def observation_after(turn: Turn) -> Observation:
    """Return what the agent sees once a turn is played."""
    return {"instruction": turn.instruction, "tools": turn.tools, "history": turn.after}
