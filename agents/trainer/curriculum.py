"""A curriculum by success band: what the policy solves now and then teaches it most, and is played most.

A group in which every member succeeds, or none does, has no variance and gives no advantage. Items whose running
success lies inside a band are therefore drawn more often; so are items that were never played, since they may be such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agents.algorithms.settings import Curriculum
from agents.trajectory import FloatArray

_STREAM = 0xC0
"""Keeps these draws apart from others that are keyed by seed and position."""


class BandCurriculum:
    """Draws from a pool of items by their running success.

    What it draws is a function of the seed, the position and the successes so far.

    Args:
        settings: band, boost, momentum.
        seed: of the run.
        pool: the numbers of the items.

    Attributes:
        success: the running success of each item that was played.
    """

    def __init__(self, settings: Curriculum, seed: int, pool: Sequence[int]) -> None:
        self.settings = settings
        self.seed = seed
        self.pool = pool
        self.success: dict[int, float] = {}
        self._place = {item: place for place, item in enumerate(pool)}

    def draw(self, position: int, count: int) -> list[int]:
        """Return `count` items, none of them twice unless there are fewer.

        Args:
            position: how many were drawn before.
            count: how many to draw.
        """
        generator = np.random.default_rng((self.seed, position, _STREAM))
        weights = self.weights()
        size = len(self.pool)
        places = generator.choice(size, count, replace=count > size, p=weights / weights.sum())
        return [self.pool[place] for place in places]

    def weights(self) -> FloatArray:
        """Return how likely each item of the pool is, before all are divided by their sum."""
        weights = np.full(len(self.pool), self.settings.boost)
        outside = [self._place[item] for item, rate in self.success.items() if not self._inside(rate)]
        weights[outside] = 1.0
        return weights

    def observe(self, item: int, success: float) -> None:
        """Move an item's running success towards that of a group that played it; the first sets it."""
        before = self.success.get(item, success)
        self.success[item] = before + self.settings.momentum * (success - before)

    def in_band(self) -> float:
        """Return the share of the items played so far whose running success lies inside the band; NaN before any."""
        inside = [self._inside(rate) for rate in self.success.values()]
        return float(np.mean(inside)) if inside else float("nan")

    def state(self) -> Mapping[str, Any]:
        """Return the running successes, by item."""
        return {"success": {str(item): rate for item, rate in self.success.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from these successes."""
        self.success = {int(item): rate for item, rate in state["success"].items()}

    def _inside(self, rate: float) -> bool:
        return self.settings.low <= rate <= self.settings.high
