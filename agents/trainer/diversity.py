"""How different the sampled answers are from each other, counted on the sampled tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from agents.trajectory import Trajectory

Tokens = tuple[int, ...]


def distinct_answers(trajectories: Sequence[Trajectory]) -> float:
    """Return the mean, over groups of two or more, of distinct episodes / episodes; NaN without such a group.

    1 where every member said something else, 1 / members where all said the same, turn for turn.
    """
    groups: dict[int, list[tuple[Tokens, ...]]] = defaultdict(list)
    for trajectory in trajectories:
        groups[trajectory.group_id].append(sampled_turns(trajectory))
    shares = [len(set(members)) / len(members) for members in groups.values() if len(members) > 1]
    return sum(shares) / len(shares) if shares else float("nan")


def distinct_bigrams(trajectories: Sequence[Trajectory]) -> float:
    """Return distinct bigrams / bigrams over all sampled turns, distinct-2; NaN without any bigram.

    Source: Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models", section 5.
    """
    bigrams = [pair for t in trajectories for tokens in sampled_turns(t) for pair in pairwise(tokens)]
    return len(set(bigrams)) / len(bigrams) if bigrams else float("nan")


def sampled_turns(trajectory: Trajectory) -> tuple[Tokens, ...]:
    """Return the sampled tokens of every turn."""
    turns: dict[int, list[int]] = defaultdict(list)
    for segment in trajectory.segments:
        mask = segment.action_mask
        for turn, token in zip(segment.turn_index[mask].tolist(), segment.token_ids[mask].tolist(), strict=True):
            turns[turn].append(token)
    return tuple(tuple(turns[turn]) for turn in sorted(turns))
