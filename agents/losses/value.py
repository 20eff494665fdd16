"""The critic's loss."""

from __future__ import annotations

from torch import Tensor


def squared_value_error(values: Tensor, returns: Tensor, old_values: Tensor, clip_range: float | None) -> Tensor:
    """Return ``(returns - prediction)^2`` per token.

    With a clip range, the prediction moves at most that far from the value at collection, as in stable-baselines3:
    outside it there is no gradient. The range has the unit of the rewards.

    Args:
        values: [n] of the critic being updated, at the state before each token.
        returns: [n] targets.
        old_values: [n] of the critic at collection.
        clip_range: > 0; None for no clipping.
    """
    if clip_range is not None:
        values = old_values + (values - old_values).clamp(-clip_range, clip_range)
    return (returns - values).square()
