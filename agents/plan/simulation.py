"""A discrete-event simulation of rollouts with heavy-tailed turns: what asynchrony buys, and how stale it makes.

Episodes belong to updates in order. A worker that is free begins the next one, unless its weights would be more than
`staleness` updates old; the learner takes its batch when the last episode of it has come.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Setting:
    """What is simulated.

    Attributes:
        workers: that play at a time.
        episodes: of an update.
        turns: of an episode, on average; their number is geometric.
        turn_s: seconds of a turn, on average.
        tail: of the turns' Pareto distribution; 2 has no variance any more, below 1 no mean. > 1.
        update_s: seconds that the learner needs.
        staleness: how many updates old weights may be; 0 is synchronous.
    """

    workers: int
    episodes: int
    turns: float
    turn_s: float
    update_s: float
    tail: float = 1.8
    staleness: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        update_s: seconds from update to update, the first ones left out.
        busy: share of the workers' time that was spent playing.
        staleness: how many updates old the weights of an episode were, on average.
    """

    update_s: float
    busy: float
    staleness: float


def simulate(setting: Setting, updates: int = 200, seed: int = 0) -> Outcome:
    """Play so many updates.

    Args:
        setting: what is simulated.
        updates: at least 20; the first tenth does not count.
        seed: of the durations, which are the same for every staleness.
    """
    lengths = durations(setting, updates * setting.episodes, seed).reshape(updates, setting.episodes)
    free = [0.0] * setting.workers
    finished, ages = [0.0] * (updates + 1), 0.0  # finished[n]: when the weights of version n are there
    for update in range(updates):
        allowed = finished[max(update - setting.staleness, 0)]
        last = 0.0
        for length in lengths[update]:
            begin = max(heapq.heappop(free), allowed)
            heapq.heappush(free, begin + length)
            last = max(last, begin + length)
            ages += update - _version(finished, update, begin)
        finished[update + 1] = max(last, finished[update]) + setting.update_s
    skipped = updates // 10
    span = finished[updates] - finished[skipped]
    return Outcome(
        update_s=span / (updates - skipped),
        busy=float(lengths[skipped:].sum()) / (setting.workers * span),
        staleness=ages / lengths.size,
    )


def durations(setting: Setting, episodes: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the seconds of so many episodes: sums of Pareto turns."""
    generator = np.random.default_rng(seed)
    turns = generator.geometric(1 / setting.turns, episodes)
    scale = setting.turn_s * (setting.tail - 1) / setting.tail
    drawn = scale * (1 + generator.pareto(setting.tail, int(turns.sum())))
    return np.add.reduceat(drawn, np.cumsum(turns) - turns)


def _version(finished: Sequence[float], update: int, moment: float) -> int:
    """Return which weights there were at a moment, none newer than the update's own."""
    version = update
    while version > 0 and finished[version] > moment:
        version -= 1
    return version
