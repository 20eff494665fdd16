"""What one episode leaves behind: tokens, masks and rewards, growing turn by turn into a `Trajectory`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.rollout.engine import Completion
from agents.trajectory import NO_TURN, Segment, Trajectory, TurnRecord

_NOT_EXTRA = frozenset({"success", "reward_parts", "reward_valid", "invalid_action", "task_id", "stop"})


@dataclass
class _OpenSegment:
    """A segment that still grows."""

    token_ids: list[int] = field(default_factory=list[int])
    sampled: list[bool] = field(default_factory=list[bool])
    logprobs: list[float] = field(default_factory=list[float])
    turns: list[int] = field(default_factory=list[int])

    def add(self, ids: Sequence[int], logprobs: Sequence[float] | None = None, turn: int = NO_TURN) -> None:
        self.token_ids += ids
        self.sampled += [logprobs is not None] * len(ids)
        self.logprobs += [0.0] * len(ids) if logprobs is None else logprobs
        self.turns += [turn] * len(ids)

    def close(self, length: int | None = None) -> Segment:
        """Return the segment's first `length` tokens."""
        return Segment(
            token_ids=np.asarray(self.token_ids[:length], dtype=np.int64),
            action_mask=np.asarray(self.sampled[:length], dtype=np.bool_),
            behavior_logprobs=np.asarray(self.logprobs[:length], dtype=np.float32),
            turn_index=np.asarray(self.turns[:length], dtype=np.int64),
        )


@dataclass
class Recording:
    """Collects the tokens and turns of one episode.

    Attributes:
        turns: what the environment said about each action, as far as it has.
        played: how many actions there are.
    """

    played: int = 0
    turns: list[TurnRecord] = field(default_factory=list[TurnRecord])
    _closed: list[Segment] = field(default_factory=list[Segment])
    _open: _OpenSegment = field(default_factory=_OpenSegment)

    @property
    def context(self) -> list[int]:
        """The tokens that the next turn is conditioned on."""
        return self._open.token_ids

    def add_world(self, ids: Sequence[int]) -> None:
        """Add tokens that nobody sampled."""
        self._open.add(ids)

    def add_turn(self, completion: Completion) -> None:
        """Add the tokens of the agent's turn."""
        self._open.add(completion.token_ids, completion.logprobs, self.played)
        self.played += 1

    def start_segment(self) -> None:
        """Close the open segment after its last sampled token; the past is rewritten from here on."""
        self._closed.append(self._open.close(self._after_last_action()))
        self._open = _OpenSegment()

    def finish(
        self,
        *,
        terminated: bool,
        weights_version: int,
        group_id: int,
        stop: str,
        info: Mapping[str, Any],
        messages: Iterable[Mapping[str, str]],
        limit: int,
        task: str = "",
    ) -> Trajectory:
        """Return the trajectory; what follows its last action goes into `final_ids`, not into a segment.

        Args:
            terminated: the environment's own end; otherwise something cut the episode.
            weights_version: of the policy that sampled.
            group_id: of the request.
            stop: why it ended.
            info: the last one that the environment gave.
            messages: the conversation for display.
            limit: longest `final_ids`; of a longer context its last tokens are kept.
            task: of the request.
        """
        end = self._after_last_action()
        last = [self._open.close(end)] if end or not self._closed else []
        final = None if terminated or not self.context else np.asarray(self.context[-limit:], dtype=np.int64)
        return Trajectory(
            segments=(*self._closed, *last),
            turns=tuple(self.turns),
            terminated=terminated,
            truncated=not terminated,
            weights_version=weights_version,
            task_id=str(info.get("task_id", "")),
            group_id=group_id,
            task=task,
            final_ids=final,
            success=float(info.get("success", math.nan)),
            stop=stop,
            messages=tuple(dict(message) for message in messages),
            extra={k: float(v) for k, v in info.items() if k not in _NOT_EXTRA and isinstance(v, (int, float))},
        )

    def _after_last_action(self) -> int:
        sampled = self._open.sampled
        return len(sampled) - sampled[::-1].index(True) if True in sampled else 0


def turn_record(reward: float, info: Mapping[str, Any], temperature: float, finish_reason: str) -> TurnRecord:
    """Return what the environment said about one action; a reward that is no finite number is invalid, and 0."""
    finite = math.isfinite(reward)
    return TurnRecord(
        reward=reward if finite else 0.0,
        parts={name: float(value) for name, value in info.get("reward_parts", {}).items()},
        valid=finite and bool(info.get("reward_valid", 1.0)),
        temperature=temperature,
        finish_reason=finish_reason,
        invalid_action=bool(info.get("invalid_action", 0.0)),
    )


def failed_turn(temperature: float, finish_reason: str) -> TurnRecord:
    """Return the record of an action that the environment could not take: unscored, not worth 0."""
    return TurnRecord(0.0, {}, valid=False, temperature=temperature, finish_reason=finish_reason)
