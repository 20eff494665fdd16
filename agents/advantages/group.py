"""Advantages relative to a group of episodes on the same item."""

from __future__ import annotations

from collections.abc import Mapping
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
    known = returns[valid].astype(np.float64)
    centred, member, sizes = _centred(known, groups[valid])
    advantages[valid] = centred / _divisor(centred, known, member, sizes, scale, epsilon)
    return advantages


def leave_one_out(returns: FloatArray, groups: IntArray, valid: BoolArray) -> FloatArray:
    """Return each episode's advantage over the mean of the *others* of its group.

    ::

        A_i = R_i - mean_{j in g, j != i}(R_j) = n / (n - 1) (R_i - mean_g(R))

    The baseline does not depend on the episode itself, so the gradient has no bias. A group whose returns are all
    equal gives exactly 0; so does a group of one, which has nothing to be compared with.

    Source: Ahmadian et al. 2024, "Back to Basics: Revisiting REINFORCE-Style Optimization", section 2.2; Kool et al.
    2019, "Buy 4 REINFORCE Samples, Get a Baseline for Free!".

    Args:
        returns: [K] of the episodes; may be anything where `valid` is false.
        groups: [K] which episodes belong together.
        valid: [K] whether the episode's return is known. Others take no part in any mean and get 0.
    """
    advantages = np.zeros(len(returns), dtype=np.float32)
    centred, member, sizes = _centred(returns[valid].astype(np.float64), groups[valid])
    advantages[valid] = centred * (sizes / np.maximum(sizes - 1, 1))[member]
    return advantages


def fused_parts(
    parts: Mapping[str, FloatArray],
    weights: Mapping[str, float],
    groups: IntArray,
    valid: BoolArray,
    scale: Scale = "group",
    epsilon: float = 1e-4,
) -> FloatArray:
    """Return advantages that are made part by part and then fused: no part drowns another by its scale.

    ::

        A_i = S_i / (std_batch(S) + epsilon),   S_i = sum_p w_p A_i^p,   A_i^p as `group_relative` gives it

    Every part has mean 0 in every group, so their sum needs no centring, and a group that is constant in all its
    parts gives exactly 0. A part that is NaN for an episode takes no part in its group's mean and adds nothing.

    Source: Liu et al. 2026, "GDPO: Group reward-Decoupled Normalization Policy Optimization", https://arxiv.org/abs/2601.05242.

    Args:
        parts: by name, [K] the return of each episode in this part; NaN where it was not scored.
        weights: of each part.
        groups: [K] which episodes belong together.
        valid: [K] whether the episode may be trained on. Others take no part in any mean and get 0.
        scale: what a part's difference from its group's mean is divided by.
        epsilon: keeps the divisions finite.
    """
    fused = np.zeros(len(groups), dtype=np.float32)
    for name, weight in weights.items():
        known = valid & ~np.isnan(parts[name])
        fused += weight * group_relative(parts[name], groups, known, scale, epsilon)
    return (fused / (_deviation(fused[valid]) + epsilon)).astype(np.float32)


def _centred(known: FloatArray, groups: IntArray) -> tuple[FloatArray, IntArray, IntArray]:
    """Return the returns less their group's mean, the group of each, and the groups' sizes."""
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    # Taken from the group's first member, equal returns are zeros before any rounding can happen.
    shifted = known - known[first][member]
    sizes = np.bincount(member)
    return shifted - (np.bincount(member, shifted) / sizes)[member], member, sizes


def _divisor(
    centred: FloatArray, known: FloatArray, member: IntArray, sizes: IntArray, scale: Scale, epsilon: float
) -> FloatArray | float:
    match scale:
        case "group":
            variance = np.bincount(member, centred**2) / np.maximum(sizes - 1, 1)
            return np.sqrt(variance)[member] + epsilon
        case "batch":
            return _deviation(known) + epsilon
        case "none":
            return 1.0


def _deviation(known: FloatArray) -> float:
    """Return the unbiased standard deviation; 0 of fewer than two numbers."""
    return float(known.std(ddof=1, dtype=np.float64)) if len(known) > 1 else 0.0
