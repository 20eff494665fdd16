"""How different answers are, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from agents.trainer.diversity import distinct_answers, distinct_bigrams, sampled_turns
from agents.trajectory import Trajectory
from tests.agents.build import WORLD, segment, trajectory, turn


def said(ids: list[int], turns: list[int], group: int = 0) -> Trajectory:
    """Return an episode that sampled these tokens in these turns; the prompt's token is 1."""
    records = [turn() for _ in range(max(turns) + 1)]
    return trajectory([segment(turns, [1, *ids])], records, group=group)


def test_turns_are_what_was_sampled() -> None:
    episode = said([5, 6, 99, 7], [0, 0, WORLD, 1])
    assert sampled_turns(episode) == ((5, 6), (7,))


def test_a_turn_goes_on_across_segments() -> None:
    parts = [segment([0, 0], [1, 5, 6]), segment([1], [1, 7])]
    assert sampled_turns(trajectory(parts, [turn(), turn()])) == ((5, 6), (7,))


def test_distinct_answers_is_a_mean_over_groups() -> None:
    same, other = said([5, 6], [0, 0]), said([5, 7], [0, 0])
    elsewhere = [replace(episode, group_id=1) for episode in (same, same)]
    assert distinct_answers([same, same, other, *elsewhere]) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_the_same_tokens_in_other_turns_are_another_answer() -> None:
    assert distinct_answers([said([5, 6], [0, 0]), said([5, 6], [0, 1])]) == 1.0


def test_a_group_of_one_says_nothing() -> None:
    assert math.isnan(distinct_answers([said([5], [0]), said([5], [0], group=1)]))


def test_distinct_bigrams_never_run_across_turns() -> None:
    episodes = [said([5, 6, 5], [0, 0, 0]), said([5, 6, 9, 5], [0, 0, WORLD, 1])]
    assert distinct_bigrams(episodes) == pytest.approx(2 / 3)  # 56, 65, 56
    assert math.isnan(distinct_bigrams([said([5], [0])]))
