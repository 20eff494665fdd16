"""What divides: the weight of each trained token in a loss, counted over the whole minibatch.

A loss is always ``sum(weight * per_token_loss)``. Micro-batches receive their tokens' weights, so their gradients add
up to the minibatch's whatever the split.
"""

from __future__ import annotations

import numpy as np

from agents.trajectory import FloatArray, IntArray


def per_token(trajectory_index: IntArray) -> FloatArray:
    """Return ``1 / tokens`` for every token: the mean over all trained tokens.

    Args:
        trajectory_index: [n] the episode of each trained token of the minibatch.
    """
    return np.full(len(trajectory_index), 1.0 / max(len(trajectory_index), 1), dtype=np.float32)


def per_episode(trajectory_index: IntArray) -> FloatArray:
    """Return ``1 / (episodes * tokens of the episode)``: the mean over episodes of their token means.

    Args:
        trajectory_index: [n] the episode of each trained token of the minibatch.
    """
    _, member, sizes = np.unique(trajectory_index, return_inverse=True, return_counts=True)
    return (1.0 / (len(sizes) * sizes[member])).astype(np.float32)


def per_constant(trajectory_index: IntArray, tokens: int) -> FloatArray:
    """Return ``1 / (episodes * tokens)`` with a constant number of tokens per episode: no length bias.

    Source: Liu et al. 2025, "Understanding R1-Zero-Like Training" (Dr. GRPO), listing 1.

    Args:
        trajectory_index: [n] the episode of each trained token of the minibatch.
        tokens: the constant, > 0.
    """
    episodes = len(np.unique(trajectory_index))
    return np.full(len(trajectory_index), 1.0 / max(episodes * tokens, 1), dtype=np.float32)
