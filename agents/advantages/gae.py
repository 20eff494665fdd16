"""Token-level generalised advantage estimation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.trajectory import BoolArray, FloatArray, IntArray


class Advantages(NamedTuple):
    """What credit assignment returns.

    Attributes:
        advantages: [N] of each action token.
        returns: [N] the critic's targets: `advantages + values`.
    """

    advantages: FloatArray
    returns: FloatArray


def discounts(turn_end: BoolArray, token_gamma: float, turn_gamma: float) -> FloatArray:
    """Return the discount of the step that follows each action token.

    Whatever lies between two action tokens (the world's reply, the template) is part of one transition and is
    discounted once: by `token_gamma`, and by `turn_gamma` as well where the transition ends a turn.

    Args:
        turn_end: [N] whether the token is its turn's last.
        token_gamma: per action token, in [0, 1].
        turn_gamma: per turn, in [0, 1].
    """
    return np.where(turn_end, token_gamma * turn_gamma, token_gamma)


def token_gae(
    rewards: FloatArray,
    values: FloatArray,
    bootstrap: FloatArray,
    trajectory_index: IntArray,
    discount: FloatArray,
    gae_lambda: float,
    scored: BoolArray | None = None,
) -> Advantages:
    """Return GAE(lambda) over the action tokens of many trajectories.

    With `d_t` the discount after token `t` and `V` the value of the state before it::

        delta_t = r_t + d_t V_{t+1} - V_t
        A_t     = delta_t + d_t lambda A_{t+1}

    The last token's `V_{t+1}` is the trajectory's `bootstrap`. A turn that could not be scored has no known reward:
    the token before it bootstraps from the critic (`V_{t+1}`) and takes nothing over from `A_{t+1}`.

    Source: Schulman et al. 2016, "High-Dimensional Continuous Control Using Generalized Advantage Estimation",
    equations 11 and 16. Computed in float32 in the order of stable-baselines3's `RolloutBuffer`, whose numbers it
    reproduces bit by bit.

    Args:
        rewards: [N] placed on action tokens.
        values: [N] of the state before each token.
        bootstrap: [K] value of the state after the last token; 0 where the episode terminated.
        trajectory_index: [N] from 0 to K - 1, not decreasing.
        discount: [N] after each token; see `discounts`.
        gae_lambda: in [0, 1].
        scored: [N] whether the token's turn has a reward; all, if not given.
    """
    lengths = np.bincount(trajectory_index, minlength=len(bootstrap))
    steps = int(lengths.max(initial=0))
    # Right-aligned columns: every trajectory ends in the last row, and what the rows above a short one hold is
    # computed last and never read. So the recursion needs no mask.
    starts = np.cumsum(lengths) - lengths
    row = np.arange(len(rewards)) - starts[trajectory_index] + steps - lengths[trajectory_index]
    shape = (steps, len(bootstrap))

    def grid(flat: FloatArray) -> FloatArray:
        columns = np.zeros(shape, dtype=np.float32)
        columns[row, trajectory_index] = flat
        return columns

    reward_TK, value_TK, discount_TK = grid(rewards), grid(values), grid(discount)
    decay_TK = grid(discount * gae_lambda)
    scored_TK = grid(np.ones_like(rewards) if scored is None else scored.astype(np.float32)) > 0
    advantage_TK = np.empty(shape, dtype=np.float32)
    next_value, carry = bootstrap.astype(np.float32), np.zeros(len(bootstrap), dtype=np.float32)
    for t in reversed(range(steps)):
        delta = reward_TK[t] + discount_TK[t] * next_value - value_TK[t]
        advantage_TK[t] = delta + decay_TK[t] * carry
        next_value, carry = value_TK[t], np.where(scored_TK[t], advantage_TK[t], np.float32(0))
    advantages = advantage_TK[row, trajectory_index]
    return Advantages(advantages, advantages + values)
