"""What an update is told about: flat dictionaries of floats, all of which may be averaged."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from agents.algorithms.base import Credit
from agents.trainer.diversity import distinct_answers, distinct_bigrams
from agents.trainer.filters import overlong_tokens
from agents.trainer.microbatch import fed_lengths, padding_saved
from agents.trajectory import FloatArray, TokenBatch, Trajectory, action_places
from textenvs.faults import Fault
from textenvs.rewards.exploits import SIGNS, signs
from textenvs.rewards.measures import repetition

NAN = float("nan")


def mean(values: Sequence[float] | FloatArray) -> float:
    """Return the mean of the numbers that are not NaN; NaN if there are none."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else NAN


def standard_error(values: Sequence[float], groups: Sequence[int]) -> float:
    """Return the standard error of a mean over groups of episodes of one item each; NaN with fewer than two groups.

    Members of a group are no independent draws of the items, so the spread is that of the groups' means.

    Args:
        values: of the episodes; NaN where unknown.
        groups: of the same episodes.
    """
    members: dict[int, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        members.setdefault(group, []).append(value)
    means = [known for known in map(mean, members.values()) if not np.isnan(known)]
    return float(np.std(means, ddof=1) / np.sqrt(len(means))) if len(means) > 1 else NAN


def episode_metrics(trajectories: Sequence[Trajectory]) -> dict[str, float]:
    """Return how the episodes went: returns, success, reward parts, lengths, how different and how clean they are.

    Rewards that could not be computed are left out, never counted as 0.
    """
    turns = [turn for trajectory in trajectories for turn in trajectory.turns]
    parts = sorted({name for turn in turns for name in turn.parts})
    tokens = sum(trajectory.action_tokens for trajectory in trajectories)
    tasks = sorted({trajectory.task for trajectory in trajectories} - {""})
    return {
        "episode_return": mean([t.episode_return for t in trajectories if t.valid]),
        "episode_return_se": standard_error(
            [t.episode_return if t.valid else NAN for t in trajectories], [t.group_id for t in trajectories]
        ),
        "success": mean([trajectory.success for trajectory in trajectories]),
        "success_se": standard_error([t.success for t in trajectories], [t.group_id for t in trajectories]),
        "turns": mean([len(trajectory.turns) for trajectory in trajectories]),
        "response_tokens": tokens / len(turns) if turns else NAN,
        "cut_rate": mean([turn.finish_reason == "length" for turn in turns]),
        "truncated_rate": mean([t.truncated and not t.terminated for t in trajectories]),
        "invalid_action_rate": mean([turn.invalid_action for turn in turns]),
        "reward_valid_rate": mean([turn.valid for turn in turns]),
        "reward": mean([turn.reward for turn in turns if turn.valid]),
        **sign_metrics(trajectories),
        "distinct_answers": distinct_answers(trajectories),
        "distinct_2": distinct_bigrams(trajectories),
        **{f"success/{task}": mean([t.success for t in trajectories if t.task == task]) for task in tasks},
        **{f"reward/{name}": mean([turn.parts.get(name, NAN) for turn in turns]) for name in parts},
    }


def sign_metrics(trajectories: Sequence[Trajectory]) -> dict[str, float]:
    """Return the signs by which a policy that games its reward is known.

    These are how much actions repeat, and the share of them with each of `textenvs.rewards.exploits.SIGNS`, or any.
    """
    said = [
        (t.messages[place]["content"], t.messages[:place])
        for t in trajectories
        for place in action_places(t.messages, len(t.turns))
    ]
    seen = [signs(action, before) for action, before in said]
    return {
        "repetition": mean([repetition(action, "zh") for action, _ in said]),
        "flagged": mean([bool(names) for names in seen]),
        **{f"flags/{name}": mean([name in names for names in seen]) for name in SIGNS},
    }


def fault_metrics(counts: Mapping[Fault, int]) -> dict[str, float]:
    """Return how often something has failed in the run so far, at every boundary where it can."""
    return {f"faults/{fault.value}": float(counts.get(fault, 0)) for fault in Fault}


def batch_metrics(batch: TokenBatch, budget: int) -> dict[str, float]:
    """Return how far apart the trainer, the sampler and the reference are, per token, and what feeding them takes.

    Args:
        batch: scored.
        budget: the most padded tokens in a micro-batch.
    """
    gap = np.abs(batch.old_logprobs - batch.behavior_logprobs)
    return {
        "kl": mean(batch.old_logprobs - batch.ref_logprobs),
        "sampler_gap": mean(gap),
        "sampler_gap_max": float(gap.max(initial=0.0)),
        "padding_saved": padding_saved(fed_lengths(batch, np.ones(len(batch), dtype=np.bool_)), budget),
        "overlong_tokens": float(overlong_tokens(batch).sum()),
    }


def credit_metrics(batch: TokenBatch, credit: Credit) -> dict[str, float]:
    """Return how much of the batch is trained, and how much of the returns the critic explains."""
    returns, values = credit.returns[credit.mask], batch.values[credit.mask]
    return {
        "trained_tokens": float(credit.mask.sum()),
        "advantage_abs": mean(np.abs(credit.advantages[credit.mask])),
        "explained_variance": explained_variance(values, returns),
    }


def explained_variance(values: FloatArray, returns: FloatArray) -> float:
    """Return ``1 - Var(returns - values) / Var(returns)``: 1 is perfect, 0 no better than a constant, NaN unknown."""
    variance = float(np.var(returns)) if len(returns) else 0.0
    return 1 - float(np.var(returns - values)) / variance if variance > 0 else NAN


class Clock:
    """Wall time by phase.

    Args:
        seconds: what is already booked; grows in place.
    """

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        """Book the time since the last lap under `phase`."""
        now = time.perf_counter()
        self._seconds[phase] = self._seconds.get(phase, 0.0) + now - self._last
        self._last = now

    def metrics(self, tokens: int) -> dict[str, float]:
        """Return the seconds of each phase and the sampled tokens trained per second of all."""
        total = sum(self._seconds.values())
        return {**self._seconds, "tokens_per_s": tokens / total if total > 0 else NAN}
