"""Trajectories made by hand, and a policy small enough for exact checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.algorithms.base import LossInputs
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.tiny import TinyConfig, build_tiny
from agents.trajectory import NO_TURN, Segment, TokenBatch, Trajectory, TurnRecord

WORLD = -1
"""In `segment`, a token that the world wrote."""


def segment(turns: Sequence[int], ids: Sequence[int] | None = None) -> Segment:
    """Return a segment from the turn of each token, `WORLD` where nobody sampled it."""
    turn_index = np.array([NO_TURN, *turns], dtype=np.int64)
    length = len(turn_index)
    mask = turn_index != NO_TURN
    token_ids = np.arange(1, length + 1) if ids is None else np.array(ids)
    behavior = np.where(mask, -1.0, 0.0).astype(np.float32)
    return Segment(token_ids.astype(np.int64), mask, behavior, turn_index)


def turn(reward: float = 0.0, valid: bool = True, **changes: Any) -> TurnRecord:
    record = TurnRecord(reward, {}, valid, temperature=1.0, finish_reason="stop")
    return replace(record, **changes)


def trajectory(
    segments: Sequence[Sequence[int]] | Sequence[Segment],
    turns: Sequence[TurnRecord],
    *,
    truncated: bool = False,
    group: int = 0,
) -> Trajectory:
    """Return a trajectory; its segments are given as for `segment`, or made already."""
    made = tuple(part if isinstance(part, Segment) else segment(part) for part in segments)
    return Trajectory(
        segments=made,
        turns=tuple(turns),
        terminated=not truncated,
        truncated=truncated,
        weights_version=0,
        task_id=str(group),
        group_id=group,
        final_ids=np.arange(1, 6) if truncated else None,
        stop="truncated" if truncated else "success",
    )


def random_trajectories(generator: np.random.Generator, count: int = 6, group_size: int = 2) -> list[Trajectory]:
    """Return trajectories of one to three turns with world tokens between, some of them truncated."""
    made: list[Trajectory] = []
    for place in range(count):
        turns = int(generator.integers(1, 4))
        layout: list[int] = []
        for index in range(turns):
            layout += [WORLD] * int(generator.integers(0, 4)) + [index] * int(generator.integers(1, 6))
        ids = generator.integers(10, 200, size=len(layout) + 1)
        records = [turn(float(r), temperature=0.7) for r in generator.normal(size=turns)]
        made.append(
            trajectory(
                [segment(layout, list(ids))], records, truncated=bool(generator.integers(2)), group=place // group_size
            )
        )
    return made


def tiny_policy(**settings: Any) -> CausalLMPolicy:
    """Return a model of some thirty thousand parameters."""
    size = TinyConfig(vocab_size=300, hidden_size=32, layers=2, heads=2, context_length=128)
    return build_tiny(["a b c d"] * 4, size, **settings)


def scored(trajectories: Sequence[Trajectory], generator: np.random.Generator) -> TokenBatch:
    """Return a batch whose policy-made arrays are random numbers."""
    batch = TokenBatch.of(trajectories)
    numbers = {
        name: generator.normal(size=len(batch)).astype(np.float32)
        for name in ("old_logprobs", "ref_logprobs", "values")
    }
    open_ended = np.array([not t.terminated for t in batch.trajectories])
    bootstrap = np.where(open_ended, generator.normal(size=len(open_ended)), 0.0).astype(np.float32)
    return replace(batch, bootstrap=bootstrap, **numbers)


def loss_inputs(logprobs: Tensor, **changes: Any) -> LossInputs:
    """Return `n` tokens of one episode, on-policy, without critic or reference, their mean weighted, unless changed."""
    count = max(len(logprobs), 1)
    unknown, ones = torch.full_like(logprobs, torch.nan), torch.ones_like(logprobs)
    unknown, ones = unknown.detach(), ones.detach()
    tokens = LossInputs(
        episode=torch.zeros(len(logprobs), dtype=torch.long),
        logprobs=logprobs,
        entropy=torch.zeros_like(ones),
        values=unknown,
        old_logprobs=logprobs.detach(),
        ref_logprobs=unknown,
        old_values=unknown,
        advantages=ones,
        returns=unknown,
        importance=ones,
        weight=ones / count,
        mean_weight=1 / count,
        kl_coef=0.0,
        entropy_coef=0.0,
    )
    return replace(tokens, **changes)
