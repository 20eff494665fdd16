"""Trajectory and Group: the only currency between rollout, credit and update. Numpy, no torch.

A trajectory stores the ids that were *sampled*; text is kept for display only and never tokenised again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

NO_TURN = -1
"""`Segment.turn_index` of a token that belongs to no turn of the agent (prompt, world, template)."""


@dataclass(frozen=True)
class Segment:
    """A sequence of tokens as the model saw it, `L` long.

    A trajectory has one segment unless its template rewrites the past, in which case a new segment
    starts there. Credit runs across segments.

    Attributes:
        token_ids: [L] prompt, sampled and world tokens in order.
        action_mask: [L] true on sampled tokens, a sampled stop token included; the policy is trained on these.
        behavior_logprobs: [L] log-probability under the sampler as it really sampled (temperature, truncation,
            epsilon mixture); 0 where `action_mask` is false.
        turn_index: [L] the turn that each sampled token belongs to; `NO_TURN` elsewhere.
    """

    token_ids: IntArray
    action_mask: BoolArray
    behavior_logprobs: FloatArray
    turn_index: IntArray

    def __post_init__(self) -> None:
        lengths = {len(a) for a in (self.token_ids, self.action_mask, self.behavior_logprobs, self.turn_index)}
        if len(lengths) != 1:
            raise ValueError(f"the arrays of a segment differ in length: {sorted(lengths)}")
        if bool(self.action_mask[:1].any()):
            raise ValueError("the first token of a segment cannot be an action: nothing predicts it")


@dataclass(frozen=True)
class TurnRecord:
    """What one turn of the agent was worth, and how it was written.

    Attributes:
        reward: as the environment returned it, finite.
        parts: the named parts; NaN where unscored.
        valid: whether the reward could be computed. An invalid turn gives no policy and no value loss, and its
            trajectory leaves its group's baseline.
        temperature: at which the turn was sampled.
        finish_reason: ``"stop"`` (a stop token was sampled), ``"length"`` (cut by the token limit).
        invalid_action: whether the environment called the action malformed.
    """

    reward: float
    parts: Mapping[str, float]
    valid: bool
    temperature: float
    finish_reason: str
    invalid_action: bool = False


@dataclass(frozen=True)
class Trajectory:
    """One episode (or the part of it that was collected) of one policy.

    Attributes:
        segments: the tokens, in order.
        turns: one record per action, in order; `turn_index` of a token points here.
        final_ids: [M] tokens of the state after the last action (the whole prompt that the next turn would have
            had): what a truncated conversation bootstraps from; None where the episode terminated.
        terminated: the environment's own end.
        truncated: a limit from outside cut it.
        weights_version: of the policy that sampled it.
        task_id: of the item.
        group_id: trajectories with the same id form a `Group` (same item, same policy).
        success: 1.0, 0.0, or NaN where the environment does not say.
        stop: why it ended, a value of `textenvs.messages.Stop` or ``"context_full"``.
        messages: the conversation for display, as role/content mappings.
        extra: further numbers from the last info (already averaged-safe floats).
    """

    segments: tuple[Segment, ...]
    turns: tuple[TurnRecord, ...]
    terminated: bool
    truncated: bool
    weights_version: int
    task_id: str
    group_id: int
    final_ids: IntArray | None = None
    success: float = float("nan")
    stop: str = ""
    messages: Sequence[Mapping[str, str]] = ()
    extra: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def episode_return(self) -> float:
        """The undiscounted sum of the environment's rewards."""
        return float(sum(turn.reward for turn in self.turns))

    @property
    def valid(self) -> bool:
        """Whether every turn could be scored."""
        return all(turn.valid for turn in self.turns)

    @property
    def action_tokens(self) -> int:
        """How many tokens were sampled."""
        return int(sum(int(segment.action_mask.sum()) for segment in self.segments))


@dataclass(frozen=True)
class Group:
    """Trajectories from the same item under the same policy: what group-relative credit compares."""

    trajectories: tuple[Trajectory, ...]
