"""The weight that corrects for what the sampler did differently from the trainer."""

from __future__ import annotations

import numpy as np

from agents.trajectory import FloatArray, IntArray


def truncated_importance(
    old_logprobs: FloatArray, behavior_logprobs: FloatArray, cap: float | None, sequence: IntArray | None = None
) -> FloatArray:
    """Return ``min(exp(old - behavior), cap)`` per token, or the same of whole sequences; ones, if there is no cap.

    Corrects for another engine, lower precision, a truncated distribution, the epsilon mixture. It is apart from the
    clipped ratio, which compares the trainer with itself, and carries no gradient. The weight of a sequence, the
    product of its tokens' before truncation, is exact where nothing is truncated, and varies more.

    Source: Ionides 2008, "Truncated Importance Sampling"; for language models, per token: Yao et al. 2025, "Your
    Efficient RL Framework Secretly Brings You Off-Policy RL Training".

    Args:
        old_logprobs: [N] of the trainer at collection.
        behavior_logprobs: [N] of the sampler as it sampled.
        cap: the largest weight, > 0; None turns the correction off.
        sequence: [N] which sequence each token belongs to, counted from 0, for one weight per sequence.
    """
    if cap is None:
        return np.ones(len(old_logprobs), dtype=np.float32)
    log_weights = (old_logprobs - behavior_logprobs).astype(np.float64)
    if sequence is not None:
        log_weights = np.bincount(sequence, log_weights)[sequence]
    # Truncated before the exponential, which could overflow.
    return np.exp(np.minimum(log_weights, np.log(cap))).astype(np.float32)
