"""Generalised advantage estimation over tokens, over turns, and over tokens within turns."""

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


def lambdas(turn_end: BoolArray, token_lambda: float, turn_lambda: float) -> FloatArray:
    """Return the lambda of the step that follows each action token: nested GAE, turns around tokens.

    Inside a turn the advantage is passed back from token to token with `token_lambda`, and from a turn to the one
    before it with `turn_lambda`. Without discount and with ``token_lambda = 1``, a turn's first token has exactly the
    turn's own advantage (`turn_gae`).

    Args:
        turn_end: [N] whether the token is its turn's last.
        token_lambda: in [0, 1].
        turn_lambda: in [0, 1].
    """
    return np.where(turn_end, turn_lambda, token_lambda)


def token_gae(
    rewards: FloatArray,
    values: FloatArray,
    bootstrap: FloatArray,
    trajectory_index: IntArray,
    discount: FloatArray,
    gae_lambda: float | FloatArray,
    scored: BoolArray | None = None,
) -> Advantages:
    """Return GAE(lambda) over the action tokens of many trajectories.

    With `d_t` and `lambda_t` those of the step after token `t`, and `V` the value of the state before it::

        delta_t = r_t + d_t V_{t+1} - V_t
        A_t     = delta_t + d_t lambda_t A_{t+1}

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
        gae_lambda: in [0, 1]: one for all, or [N] of the step after each token; see `lambdas`.
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


def turn_gae(
    rewards: FloatArray,
    values: FloatArray,
    bootstrap: FloatArray,
    trajectory_index: IntArray,
    turn_end: BoolArray,
    turn_gamma: float,
    turn_lambda: float,
    scored: BoolArray | None = None,
) -> Advantages:
    """Return GAE(lambda) with a whole turn as one action; all tokens of a turn have its advantage.

    With `R_k` the sum of the rewards on turn `k`'s tokens, and `V_k` the value before its first::

        delta_k = R_k + gamma V_{k+1} - V_k
        A_k     = delta_k + gamma lambda A_{k+1}

    The critic's target at a token is `A_k + V_k`, which does not depend on `V_k`, less what the turn had been paid
    before the token: the values inside a turn stay those of their states.

    Args:
        rewards: [N] placed on action tokens.
        values: [N] of the state before each token; only those before a turn's first token are read.
        bootstrap: [K] value of the state after the last token; 0 where the episode terminated.
        trajectory_index: [N] from 0 to K - 1, not decreasing.
        turn_end: [N] whether the token is its turn's last.
        turn_gamma: discount per turn, in [0, 1].
        turn_lambda: in [0, 1].
        scored: [N] whether the token's turn has a reward; all, if not given.
    """
    first = np.flatnonzero(np.append(True, turn_end)[:-1])
    turn = np.cumsum(turn_end) - turn_end
    by_turn = token_gae(
        np.bincount(turn, rewards, minlength=len(first)).astype(np.float32),
        values[first],
        bootstrap,
        trajectory_index[first],
        np.full(len(first), turn_gamma),
        turn_lambda,
        scored=None if scored is None else scored[first],
    )
    paid = np.cumsum(rewards, dtype=np.float64) - rewards
    paid_before = (paid - paid[first][turn]).astype(np.float32)
    return Advantages(by_turn.advantages[turn], by_turn.returns[turn] - paid_before)
