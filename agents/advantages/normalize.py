"""Bringing advantages to zero mean and unit variance."""

from __future__ import annotations

import numpy as np

from agents.trajectory import BoolArray, FloatArray


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
