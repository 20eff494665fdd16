"""Rewards made of others, besides those of `fusion`: order them, bound them, scale them, delay them, fade them in."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from textenvs.errors import RewardSpecError
from textenvs.messages import Turn
from textenvs.rewards.core import Reward, RewardFunction, Score
from textenvs.rewards.fusion import Fusion, WeightedSum

Child = Reward | RewardFunction


class Lexicographic(Fusion):
    """First things first: a child counts only where every child before it is satisfied.

    ::

        value = (k + v_k) / n

    where k children at the front reach the threshold and v_k is the value of the next one, clipped to [0, 1] (1
    where all n do). So no amount of a later child makes up for an earlier one, and every child still says how near
    it is.

    Args:
        children: by name, the most important first.
        threshold: from which value on a child is satisfied, in (0, 1].
        name: of the fusion.

    Raises:
        RewardSpecError: if the threshold is out of range.
    """

    def __init__(self, children: Mapping[str, Child], threshold: float = 1.0, name: str = "lexicographic") -> None:
        super().__init__(children, name)
        if not 0.0 < threshold <= 1.0:
            raise RewardSpecError(f"Lexicographic(threshold={threshold}): give a number in (0, 1]")
        self.threshold = threshold

    def fuse(self, values: Mapping[str, float]) -> float:
        """Return how far down the list the answer comes, in [0, 1]; NaN where a value on the way is missing."""
        for satisfied, value in enumerate(values.values()):
            if not value >= self.threshold:  # also where it is NaN
                return (satisfied + (value if math.isnan(value) else min(1.0, max(0.0, value)))) / len(values)
        return 1.0


class Clip(Fusion):
    """One reward, kept within bounds.

    Args:
        reward: what is bounded.
        low: least value.
        high: greatest value.
        name: of the fusion.

    Raises:
        RewardSpecError: if there is nothing between the bounds.
    """

    def __init__(self, reward: Child, low: float = -1.0, high: float = 1.0, name: str = "clip") -> None:
        super().__init__({"reward": reward}, name)
        if not low < high:
            raise RewardSpecError(f"Clip(low={low}, high={high}): the lower bound must be the lower one")
        self.low, self.high = low, high

    def fuse(self, values: Mapping[str, float]) -> float:
        """Return the value within the bounds; NaN where it is missing."""
        value = values["reward"]
        return value if math.isnan(value) else min(self.high, max(self.low, value))


class Delayed(Fusion):
    """A reward of the whole episode: asked once, about the last turn, and 0 before.

    The last turn carries the conversation in its history. So a slow judge is asked once an episode, and parts that are
    paid by the turn and by the episode stand side by side in one fusion. (To pay a sum of turns at the end, make the
    environment with ``reward_timing="episode"``.)

    Args:
        reward: what is asked.
        name: of the fusion.
    """

    def __init__(self, reward: Child, name: str = "delayed") -> None:
        super().__init__({"reward": reward}, name)

    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        """Score the last turns, in one call; the others are worth 0, and their parts too."""
        last = [turn for turn in turns if turn.last]
        scores = iter(super().score_batch(last) if last else ())
        waiting = Score(0.0, dict.fromkeys(self.part_names, 0.0))
        return [next(scores) if turn.last else waiting for turn in turns]

    def fuse(self, values: Mapping[str, float]) -> float:
        """Return the reward."""
        return values["reward"]


class Normalize(Fusion):
    """One reward, minus its running mean, over its running standard deviation.

    The statistics change only where `set_progress` is called, between updates: all turns of an update are measured by
    the same ones, and those of the turns scored meanwhile are taken in order of size. So neither the order in which
    environments finish nor the size of a batch changes a bit of them. Until the first update is over the reward is
    passed on unchanged.

    Source: Welford 1962, "Note on a method for calculating corrected sums of squares and products", in the form of
    Chan, Golub and LeVeque 1979 for groups of values.

    Args:
        reward: what is normalised.
        clip: greatest absolute value.
        epsilon: least standard deviation: smaller ones are taken for it.
        name: of the fusion.
    """

    def __init__(self, reward: Child, clip: float = 5.0, epsilon: float = 1e-3, name: str = "normalize") -> None:
        super().__init__({"reward": reward}, name)
        if not (clip > 0.0 and epsilon > 0.0):
            raise RewardSpecError(f"Normalize(clip={clip}, epsilon={epsilon}): both must be above 0")
        self.clip, self.epsilon = clip, epsilon
        self._count, self._mean, self._squares = 0, 0.0, 0.0
        self._fresh: list[float] = []

    def fuse(self, values: Mapping[str, float]) -> float:
        """Return the normalised value, and remember the value itself; NaN where it is missing."""
        value = values["reward"]
        if math.isnan(value):
            return value
        self._fresh.append(value)
        if self._count < 2:
            return value
        deviation = max(self.epsilon, math.sqrt(self._squares / (self._count - 1)))
        return min(self.clip, max(-self.clip, (value - self._mean) / deviation))

    def set_progress(self, progress: float) -> None:
        """Take what was scored since the last call into the statistics."""
        super().set_progress(progress)
        fresh, self._fresh = sorted(self._fresh), []
        if not fresh:
            return
        mean = math.fsum(fresh) / len(fresh)
        total, shift = self._count + len(fresh), mean - self._mean
        self._squares += math.fsum((value - mean) ** 2 for value in fresh)
        self._squares += shift**2 * self._count * len(fresh) / total
        self._mean += shift * len(fresh) / total
        self._count = total

    def state(self) -> dict[str, Any]:
        """Return the statistics and what waits to enter them."""
        own = {"count": self._count, "mean": self._mean, "squares": self._squares, "fresh": sorted(self._fresh)}
        return {**super().state(), "statistics": own}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with the statistics that `state` returned."""
        super().restore(state)
        own = state["statistics"]
        self._count, self._mean, self._squares = own["count"], own["mean"], own["squares"]
        self._fresh = list(own["fresh"])


class Schedule(WeightedSum):
    """A weighted sum whose weights move with training: format first, correctness later.

    Between two of the given points the weights are interpolated; before the first and after the last they stay.

    Args:
        children: by name.
        weights: of each child, as points ``(progress, weight)`` with progress rising from 0.0 to 1.0.
        name: of the fusion.

    Raises:
        RewardSpecError: if a child has no points, or its points do not rise.

    Example:
        ``Schedule({"form": form, "right": right}, {"form": [(0, 1), (0.5, 0.1)], "right": [(0, 0.1), (0.5, 1)]})``
    """

    def __init__(
        self,
        children: Mapping[str, Child],
        weights: Mapping[str, Sequence[tuple[float, float]]],
        name: str = "schedule",
    ) -> None:
        self.points = {key: tuple(points) for key, points in weights.items()}
        for key, points in self.points.items():
            times = [time for time, _ in points]
            if not times or times != sorted(set(times)) or times[0] < 0.0 or times[-1] > 1.0:
                raise RewardSpecError(f"the points of {key!r} are {points}: progress must rise, within 0.0 to 1.0")
        super().__init__(children, {key: points[0][1] for key, points in self.points.items()}, name)

    def set_progress(self, progress: float) -> None:
        """Move the weights to where they are at this point of training."""
        super().set_progress(progress)
        self.weights = {key: _at(points, progress) for key, points in self.points.items()}


def _at(points: Sequence[tuple[float, float]], progress: float) -> float:
    for (start, low), (end, high) in itertools.pairwise(points):
        if progress <= end:
            return low + (high - low) * max(0.0, progress - start) / (end - start)
    return points[-1][1]
