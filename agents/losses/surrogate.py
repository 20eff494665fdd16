"""Surrogate objectives on the ratio of new to old probability."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Surrogate(NamedTuple):
    """What the policy is improved by, at `n` tokens.

    Attributes:
        loss: [n] to be minimised.
        clipped: [n] whether a bound held the token's ratio back.
        ratio: [n] new over old probability of what was judged, the token or the sequence it stands in; constant.
    """

    loss: Tensor
    clipped: Tensor
    ratio: Tensor


def unclipped(loss: Tensor, log_ratio: Tensor) -> Surrogate:
    """Return a loss [n] that no bound holds back, of tokens with this log ratio [n]."""
    return Surrogate(loss, torch.zeros_like(loss, dtype=torch.bool), log_ratio.detach().exp())


def clipped_surrogate(
    log_ratio: Tensor, advantages: Tensor, clip_low: float, clip_high: float, dual_clip: float | None = None
) -> Surrogate:
    """Return ``-min(ratio A, clip(ratio, 1 - clip_low, 1 + clip_high) A)`` per token.

    With a dual clip `c` and where `A < 0`, what is maximised falls no lower than ``c A``: a token that has become far
    likelier than it was, and is bad, does not outweigh all others. It has no gradient then.

    Source: Schulman et al. 2017, "Proximal Policy Optimization Algorithms", equation 7. Different bounds on the two
    sides are "clip-higher" (Yu et al. 2025, "DAPO", equation 10). Dual clip: Ye et al. 2020, "Mastering Complex
    Control in MOBA Games with Deep Reinforcement Learning", equation 5.

    Args:
        log_ratio: [n] log of new over old probability, of the token or of the sequence it stands in.
        advantages: [n].
        clip_low: how far below 1 the ratio may pay, >= 0.
        clip_high: how far above 1 the ratio may pay, >= 0.
        dual_clip: `c`, above ``1 + clip_high``; None for no second clip.
    """
    ratio = log_ratio.exp()
    free, bounded = ratio * advantages, ratio.clamp(1 - clip_low, 1 + clip_high) * advantages
    objective, clipped = torch.min(free, bounded), bounded < free
    if dual_clip is not None:
        floor = torch.where(advantages < 0, dual_clip * advantages, -torch.inf)
        objective, clipped = torch.max(objective, floor), clipped | (objective < floor)
    return Surrogate(-objective, clipped, ratio.detach())


def clipped_weight_surrogate(logprobs: Tensor, log_ratio: Tensor, advantages: Tensor, clip_high: float) -> Surrogate:
    """Return ``-min(ratio, 1 + clip_high) A log pi`` per token, with the weight held constant (CISPO).

    The bound is on the weight and not on the update: every token keeps a gradient.

    Source: MiniMax 2025, "MiniMax-M1" (CISPO), without a lower bound, as there.

    Args:
        logprobs: [n] of the policy being updated.
        log_ratio: [n] log of new over old probability.
        advantages: [n].
        clip_high: how far above 1 the weight may rise, >= 0.
    """
    ratio = log_ratio.detach().exp()
    return Surrogate(-ratio.clamp(max=1 + clip_high) * advantages * logprobs, ratio > 1 + clip_high, ratio)
