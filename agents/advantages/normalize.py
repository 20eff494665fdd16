"""Bringing advantages to zero mean and unit variance."""

from __future__ import annotations

import numpy as np

from agents.trajectory import BoolArray, FloatArray, IntArray


def standardize(advantages: FloatArray, mask: BoolArray, epsilon: float = 1e-8) -> FloatArray:
    """Return `advantages` with mean 0 and unbiased standard deviation 1 over the tokens in `mask`.

    The statistics are those of the whole batch, never of a minibatch or micro-batch. Fewer than two tokens have no
    variance and are returned as they are.

    Args:
        advantages: [N]; may be anything where `mask` is false.
        mask: [N] the tokens that are trained.
        epsilon: keeps the division finite.
    """
    known = advantages[mask].astype(np.float64)
    if len(known) < 2:
        return advantages
    return ((advantages - known.mean()) / (known.std(ddof=1) + epsilon)).astype(np.float32)


def standardize_within(advantages: FloatArray, mask: BoolArray, tasks: IntArray, epsilon: float = 1e-8) -> FloatArray:
    """Return `advantages` standardised in each task by itself.

    Rewards of different tasks have different scales; over all of them together, the one whose returns spread most
    would have nearly all of the gradient (Hessel et al. 2019, "Multi-task Deep Reinforcement Learning with PopArt",
    section 1). One task alone gives what `standardize` gives.

    Args:
        advantages: [N]; may be anything where `mask` is false.
        mask: [N] the tokens that are trained.
        tasks: [N] a number for the task of each token.
        epsilon: keeps the division finite.
    """
    scaled = advantages
    for task in np.unique(tasks):
        own = tasks == task
        scaled = np.where(own, standardize(advantages, mask & own, epsilon), scaled)
    return scaled
