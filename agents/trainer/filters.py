"""What is not trained on: groups that say nothing, and turns that the token limit cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from agents.algorithms.base import Credit
from agents.trajectory import BoolArray, TokenBatch, Trajectory


class Gathered(NamedTuple):
    """The episodes of one update.

    Attributes:
        episodes: to be trained on.
        groups: how many groups were played in all.
        flat: how many groups of those first played had no variance: returns all equal, or fewer than two known.
        replaced: how many groups were thrown away for another one.
        whole: how many episodes were played to an end in all.
    """

    episodes: list[Trajectory]
    groups: int
    flat: int
    replaced: int
    whole: int


def gather(play: Callable[[int, int], list[Trajectory]], groups: int, rounds: int) -> Gathered:
    """Play `groups` groups, and replace those without variance: dynamic sampling with a bound.

    What has no variance after the last round stays: the batch keeps its size, and a critic learns from it.

    Source: Yu et al. 2025, "DAPO", section 3.2.

    Args:
        play: plays so many new groups, in the round of that number; round 0 comes first.
        groups: wanted.
        rounds: at most so many times are groups replaced.
    """
    episodes = play(groups, 0)
    flat = missing = groups - len(varied_groups(episodes))
    replaced, whole = 0, len(episodes)
    for number in range(1, rounds + 1):
        if not missing:
            break
        kept, more = varied_groups(episodes), play(missing, number)
        episodes = [t for t in episodes if t.group_id in kept] + more
        replaced, whole = replaced + missing, whole + len(more)
        missing = groups - len(varied_groups(episodes))
    return Gathered(episodes, groups + replaced, flat, replaced, whole)


def varied_groups(trajectories: Sequence[Trajectory]) -> set[int]:
    """Return the ids of the groups with at least two different known returns: those that give an advantage."""
    returns: dict[int, set[float]] = defaultdict(set)
    for trajectory in trajectories:
        if trajectory.valid:
            returns[trajectory.group_id].add(trajectory.episode_return)
    return {group for group, values in returns.items() if len(values) > 1}


def without_overlong(batch: TokenBatch, credit: Credit) -> Credit:
    """Return the credit without the tokens of turns that the token limit cut; their advantage is not trained on."""
    return credit._replace(mask=credit.mask & ~overlong_tokens(batch))


def overlong_tokens(batch: TokenBatch) -> BoolArray:
    """[N] which tokens belong to a turn that the token limit cut.

    Such a turn was never finished, so its reward says little about what it began.

    Source: Yu et al. 2025, "DAPO", section 3.4.
    """
    cut = [np.array([turn.finish_reason == "length" for turn in t.turns], dtype=np.bool_) for t in batch.trajectories]
    pairs = zip(batch.trajectory_index, batch.turn_index, strict=True)
    return np.array([cut[trajectory][turn] for trajectory, turn in pairs], dtype=np.bool_)
