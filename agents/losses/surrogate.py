"""The clipped surrogate objective."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Surrogate(NamedTuple):
    """The clipped surrogate of `n` tokens.

    Attributes:
        loss: [n] to be minimised.
        log_ratio: [n] log of new over old probability; carries gradient.
        clipped: [n] whether the clip took the token's gradient away.
    """

    loss: Tensor
    log_ratio: Tensor
    clipped: Tensor


def clipped_surrogate(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, clip_low: float, clip_high: float
) -> Surrogate:
    """Return ``-min(ratio A, clip(ratio, 1 - clip_low, 1 + clip_high) A)`` per token.

    Source: Schulman et al. 2017, "Proximal Policy Optimization Algorithms", equation 7. Different bounds on the two
    sides are "clip-higher" (Yu et al. 2025, "DAPO", equation 10).

    Args:
        logprobs: [n] of the policy being updated.
        old_logprobs: [n] of the same policy when the tokens were collected.
        advantages: [n].
        clip_low: how far below 1 the ratio may pay, >= 0.
        clip_high: how far above 1 the ratio may pay, >= 0.
    """
    log_ratio = logprobs - old_logprobs
    ratio = log_ratio.exp()
    free, bounded = ratio * advantages, ratio.clamp(1 - clip_low, 1 + clip_high) * advantages
    return Surrogate(-torch.min(free, bounded), log_ratio, bounded < free)
