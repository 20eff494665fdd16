"""Advantages relative to a group of episodes on the same item."""

from __future__ import annotations

from typing import Literal

import numpy as np

from agents.trajectory import BoolArray, FloatArray, IntArray

Scale = Literal["group", "batch", "none"]
"""What the difference from the group's mean is divided by."""


def group_relative(
    returns: FloatArray, groups: IntArray, valid: BoolArray, scale: Scale = "group", epsilon: float = 1e-4
) -> FloatArray:
    """Return each episode's advantage over the mean of its group.

    ::

        A_i = (R_i - mean_g(R)) / (std(R) + epsilon)

    with the unbiased standard deviation of the group (Shao et al. 2024, "DeepSeekMath", section 4.1.2), of the whole
    batch, or no division at all (Liu et al. 2025, "Understanding R1-Zero-Like Training", Dr. GRPO). A group whose
    returns are all equal, and a group of one, give exactly 0.

    Args:
        returns: [K] of the episodes; may be anything where `valid` is false.
        groups: [K] which episodes belong together.
        valid: [K] whether the episode's return is known. Others take no part in any mean and get 0.
        scale: what to divide by.
        epsilon: keeps the division finite.
    """
    advantages = np.zeros(len(returns), dtype=np.float32)
    if not valid.any():
        return advantages
    _, first, member = np.unique(groups[valid], return_index=True, return_inverse=True)
    known = returns[valid].astype(np.float64)
    # Taken from the group's first member, equal returns are zeros before any rounding can happen.
    shifted = known - known[first][member]
    sizes = np.bincount(member)
    centred = shifted - (np.bincount(member, shifted) / sizes)[member]
    advantages[valid] = centred / _divisor(centred, known, member, sizes, scale, epsilon)
    return advantages


def _divisor(
    centred: FloatArray, known: FloatArray, member: IntArray, sizes: IntArray, scale: Scale, epsilon: float
) -> FloatArray | float:
    match scale:
        case "group":
            variance = np.bincount(member, centred**2) / np.maximum(sizes - 1, 1)
            return np.sqrt(variance)[member] + epsilon
        case "batch":
            return float(known.std(ddof=min(1, len(known) - 1))) + epsilon
        case "none":
            return 1.0
