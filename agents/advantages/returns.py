"""Returns without a critic."""

from __future__ import annotations

import numpy as np

from agents.advantages.gae import token_gae
from agents.trajectory import FloatArray, IntArray


def returns_to_go(rewards: FloatArray, trajectory_index: IntArray, discount: FloatArray) -> FloatArray:
    """Return the discounted sum of the rewards from each action token on.

    ::

        G_t = r_t + d_t G_{t+1}

    It is GAE with lambda 1 and a critic that says 0 everywhere. A truncated episode's return ends with what was seen:
    there is no value to bootstrap from.

    Args:
        rewards: [N] placed on action tokens.
        trajectory_index: [N] from 0 to K - 1, not decreasing.
        discount: [N] after each token; see `agents.advantages.gae.discounts`.
    """
    episodes = int(trajectory_index.max(initial=-1)) + 1
    nothing = np.zeros(len(rewards), dtype=np.float32)
    return token_gae(rewards, nothing, np.zeros(episodes, dtype=np.float32), trajectory_index, discount, 1.0).returns


def episode_returns(rewards: FloatArray, trajectory_index: IntArray, episodes: int) -> FloatArray:
    """Return the undiscounted sum of each episode's rewards, [K].

    Args:
        rewards: [N] placed on action tokens.
        trajectory_index: [N] of the episodes.
        episodes: how many there are, `K`.
    """
    return np.bincount(trajectory_index, rewards, minlength=episodes).astype(np.float64)
