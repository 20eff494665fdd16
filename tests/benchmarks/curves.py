"""What an update costs as one thing grows and all else stays: turns, group, context, vocabulary, environments.

One step of GRPO with the local engine on the network of `workloads`, in milliseconds of the processor for every token
written, the best of some steps. A straight line, in this unit, is a cost that grows no faster than the work.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from tests.benchmarks.training import Ours, Parts
from tests.benchmarks.workloads import SIZES, Workload, policy

BASE = Workload(groups=4, size=4, turns=2, prompt=96, written=16, read=16)
REPEATS = 1

AXES: Mapping[str, tuple[int, ...]] = {
    "turns": (1, 2, 4, 8, 16),
    "group": (1, 2, 4, 8, 16, 32),
    "context": (256, 512, 1024, 2048, 4096, 8192),
    "vocabulary": (1_000, 8_000, 32_000, 152_000),
    "environments": (1, 4, 16, 64, 256),
}


def workload(axis: str, value: int) -> Workload:
    """Return the work at one point of a curve."""
    if axis == "turns":
        return replace(BASE, turns=value)
    if axis == "group":
        return replace(BASE, groups=1, size=value)
    if axis == "context":
        return Workload(groups=1, size=2, turns=1, prompt=value - BASE.written, written=BASE.written)
    if axis == "environments":
        return replace(BASE, groups=max(1, value // BASE.size), size=min(value, BASE.size))
    return BASE


def cost(axis: str, value: int) -> Parts:
    """Return the milliseconds of rollout and update for every token written."""
    work, size = workload(axis, value), SIZES["0.9M"]
    sized = replace(size, vocabulary=value) if axis == "vocabulary" else size
    contender = Ours(work, policy(sized), microbatch_tokens=8192)
    steps: list[Parts] = []
    for _ in range(REPEATS + 1):
        gc.collect()
        steps.append(contender.step())
    tokens = work.episodes * work.turns * work.written
    rollouts, updates = zip(*steps[1:], strict=True)
    return 1000.0 * min(rollouts) / tokens, 1000.0 * min(updates) / tokens


def measure() -> Mapping[str, Any]:
    """Return the curves: of every axis the values, with the cost of rollout and update at each."""
    torch.set_num_threads(1)
    return {
        axis: {str(value): [round(part, 3) for part in cost(axis, value)] for value in values}
        for axis, values in AXES.items()
    }
