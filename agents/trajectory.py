"""Trajectory, Group and TokenBatch: the only currency between rollout, credit and update. Numpy, no torch.

A trajectory stores the ids that were *sampled*; text is kept for display only and never tokenised again.
A token batch is the action tokens of many trajectories laid end to end: everything between two action tokens
is gone, so that no formula downstream can take an observation token for a step of the agent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from textenvs.faults import FAILURES

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)

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
        task: that the item belongs to, where several are mixed; ``""`` elsewhere.
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
    task: str = ""

    @property
    def episode_return(self) -> float:
        """The undiscounted sum of the environment's rewards."""
        return float(sum(turn.reward for turn in self.turns))

    @property
    def valid(self) -> bool:
        """Whether every turn could be scored."""
        return all(turn.valid for turn in self.turns)

    @property
    def failed(self) -> bool:
        """Whether the environment or the engine failed, so that the episode says nothing about the policy."""
        return self.stop in FAILURES

    @property
    def action_tokens(self) -> int:
        """How many tokens were sampled."""
        return int(sum(int(segment.action_mask.sum()) for segment in self.segments))


@dataclass(frozen=True)
class Group:
    """Trajectories from the same item under the same policy: what group-relative credit compares."""

    trajectories: tuple[Trajectory, ...]


@dataclass(frozen=True)
class TokenBatch:
    """The action tokens of `K` trajectories end to end: `N` tokens in order of trajectory, segment and position.

    The arrays that a policy has to compute are NaN until it has (`old_logprobs`, `entropy`), and stay NaN where the
    run has no such thing (`ref_logprobs` without a reference, `values` and `bootstrap` without a critic).

    Attributes:
        trajectories: the `K` trajectories, each with at least one action token.
        segments: their `S` segments, in order.
        segment_index: [N] of `segments`.
        trajectory_index: [N] of `trajectories`.
        turn_index: [N] of the trajectory's `turns`.
        turn_end: [N] whether the token is the last action token of its turn.
        turn_valid: [N] whether the reward of the token's turn could be computed.
        rewards: [N] the rewards, each on the last action token of its turn; 0 elsewhere and on invalid turns.
        temperature: [N] at which the token was sampled.
        behavior_logprobs: [N] of the sampler as it really sampled.
        old_logprobs: [N] of the trainer, recomputed at collection by the code that the update differentiates.
        ref_logprobs: [N] of the reference policy.
        entropy: [N] of the distribution that the token was drawn from, by the trainer at collection, in nats.
        values: [N] of the critic, at the state before the token.
        bootstrap: [K] value of the state after the last action; 0 where the episode terminated.
    """

    trajectories: tuple[Trajectory, ...]
    segments: tuple[Segment, ...]
    segment_index: IntArray
    trajectory_index: IntArray
    turn_index: IntArray
    turn_end: BoolArray
    turn_valid: BoolArray
    rewards: FloatArray
    temperature: FloatArray
    behavior_logprobs: FloatArray
    old_logprobs: FloatArray
    ref_logprobs: FloatArray
    entropy: FloatArray
    values: FloatArray
    bootstrap: FloatArray

    @classmethod
    def of(cls, trajectories: Sequence[Trajectory]) -> Self:
        """Lay the action tokens of `trajectories` end to end; trajectories without one are left out."""
        kept = tuple(trajectory for trajectory in trajectories if trajectory.action_tokens)
        segments = tuple(segment for trajectory in kept for segment in trajectory.segments)
        counts = np.array([segment.action_mask.sum() for segment in segments], dtype=np.int64)
        lengths = np.array([trajectory.action_tokens for trajectory in kept], dtype=np.int64)
        turn_index = _join([segment.turn_index[segment.action_mask] for segment in segments], np.int64)
        trajectory_index = np.repeat(np.arange(len(kept)), lengths)
        turn_row = _turn_rows(kept)[trajectory_index] + turn_index
        turns = [turn for trajectory in kept for turn in trajectory.turns]
        turn_valid = np.array([turn.valid for turn in turns], dtype=np.bool_)
        behavior = _join([s.behavior_logprobs[s.action_mask] for s in segments], np.float32)
        unknown = np.full(len(turn_index), np.nan, dtype=np.float32)
        return cls(
            trajectories=kept,
            segments=segments,
            segment_index=np.repeat(np.arange(len(segments)), counts),
            trajectory_index=trajectory_index,
            turn_index=turn_index,
            turn_end=np.append(turn_row[1:] != turn_row[:-1], [True] * bool(kept)).astype(np.bool_),
            turn_valid=turn_valid[turn_row],
            rewards=_place_rewards(kept, lengths, turn_index),
            temperature=np.array([turn.temperature for turn in turns], dtype=np.float32)[turn_row],
            behavior_logprobs=behavior,
            old_logprobs=unknown,
            ref_logprobs=unknown,
            entropy=unknown,
            values=unknown,
            bootstrap=np.full(len(kept), np.nan, dtype=np.float32),
        )

    def __len__(self) -> int:
        return len(self.turn_index)

    @cached_property
    def segment_starts(self) -> IntArray:
        """[S + 1] where each segment's action tokens begin, and `N`."""
        counts = np.bincount(self.segment_index, minlength=len(self.segments))
        return np.concatenate([[0], np.cumsum(counts)])

    @cached_property
    def segment_episode(self) -> IntArray:
        """[S] the trajectory of each segment."""
        return np.repeat(np.arange(len(self.trajectories)), [len(t.segments) for t in self.trajectories])

    @cached_property
    def position(self) -> IntArray:
        """[N] where each action token stands in its segment."""
        return _join([np.flatnonzero(segment.action_mask) for segment in self.segments], np.int64)

    @cached_property
    def token_ids(self) -> IntArray:
        """[N] the sampled tokens."""
        return _join([segment.token_ids[segment.action_mask] for segment in self.segments], np.int64)

    @cached_property
    def group_ids(self) -> IntArray:
        """[K] the group of each trajectory."""
        return np.array([trajectory.group_id for trajectory in self.trajectories], dtype=np.int64)

    @cached_property
    def part_returns(self) -> Mapping[str, FloatArray]:
        """Each named reward part's undiscounted sum per episode, [K]; NaN where no turn was scored in it."""
        names = {name for trajectory in self.trajectories for turn in trajectory.turns for name in turn.parts}
        return {name: np.array([_part_return(t, name) for t in self.trajectories]) for name in sorted(names)}

    @cached_property
    def task_index(self) -> IntArray:
        """[N] a number for the task of each token; all 0 where no tasks are mixed."""
        tasks = sorted({trajectory.task for trajectory in self.trajectories})
        numbers = np.array([tasks.index(trajectory.task) for trajectory in self.trajectories], dtype=np.int64)
        return numbers[self.trajectory_index]

    @cached_property
    def episode_valid(self) -> BoolArray:
        """[K] whether every turn of the trajectory could be scored."""
        return np.array([trajectory.valid for trajectory in self.trajectories], dtype=np.bool_)


def action_places(messages: Sequence[Mapping[str, str]], turns: int) -> list[int]:
    """Return where in a conversation the agent's `turns` actions stand; a conversation may begin with older ones."""
    spoken = [place for place, message in enumerate(messages) if message.get("role") == "assistant"]
    return spoken[-turns:] if turns else []


def _join(arrays: Sequence[NDArray[Scalar]], dtype: type[Scalar]) -> NDArray[Scalar]:
    """Lay `arrays` end to end; there may be none."""
    return np.concatenate(arrays).astype(dtype) if arrays else np.empty(0, dtype)


def _part_return(trajectory: Trajectory, name: str) -> float:
    """Sum a reward part over the turns that it was paid at; NaN if there are none."""
    paid = [turn.parts[name] for turn in trajectory.turns if not np.isnan(turn.parts.get(name, np.nan))]
    return float(sum(paid)) if paid else np.nan


def _turn_rows(trajectories: Sequence[Trajectory]) -> IntArray:
    """[K] where each trajectory's turns begin when all turns are laid end to end."""
    counts = np.array([len(trajectory.turns) for trajectory in trajectories], dtype=np.int64)
    return np.cumsum(counts) - counts


def _place_rewards(trajectories: Sequence[Trajectory], lengths: IntArray, turn_index: IntArray) -> FloatArray:
    """[N] put each turn's reward on its last action token.

    A turn that got no token of its own pays to the token before it, so that the placed rewards always sum to the
    environment's.
    """
    rewards = np.zeros(len(turn_index), dtype=np.float32)
    start = 0
    for trajectory, length in zip(trajectories, lengths, strict=True):
        turn_of_token = turn_index[start : start + length]
        ends = np.searchsorted(turn_of_token, np.arange(len(trajectory.turns)), side="right") - 1
        paid = [turn.reward if turn.valid else 0.0 for turn in trajectory.turns]
        np.add.at(rewards, start + np.maximum(ends, 0), np.array(paid, dtype=np.float32))
        start += length
    return rewards
