"""The likelihood-ratio (score function) estimator of the policy gradient."""

from __future__ import annotations

from torch import Tensor


def score_function(logprobs: Tensor, advantages: Tensor) -> Tensor:
    """Return ``-A log pi`` per token.

    Its expected gradient is that of the return only under the policy that sampled the tokens: it has no ratio, so
    one step per batch is all that it is good for.

    Source: Williams 1992, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement
    Learning", equation 4.

    Args:
        logprobs: [n] of the policy being updated.
        advantages: [n].
    """
    return -advantages * logprobs
