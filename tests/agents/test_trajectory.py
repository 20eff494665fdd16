"""TokenBatch: action tokens end to end, rewards on the right one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.trajectory import TokenBatch
from tests.agents.build import WORLD, random_trajectories, segment, trajectory, turn


def test_each_reward_sits_on_its_turns_last_action_token() -> None:
    batch = TokenBatch.of(
        [
            trajectory([[0, 0, WORLD, 1, WORLD, WORLD]], [turn(1.0), turn(2.0)]),
            trajectory([[WORLD, 0, 0, 0]], [turn(4.0)]),
        ]
    )
    assert batch.rewards.tolist() == [0, 1, 2, 0, 0, 4]
    assert batch.turn_end.tolist() == [False, True, True, False, False, True]
    assert batch.turn_index.tolist() == [0, 0, 1, 0, 0, 0]
    assert batch.trajectory_index.tolist() == [0, 0, 0, 1, 1, 1]
    assert batch.position.tolist() == [1, 2, 4, 2, 3, 4]


def test_credit_runs_across_segments() -> None:
    batch = TokenBatch.of([trajectory([[0, 0], [WORLD, 1]], [turn(1.0), turn(2.0)])])
    assert batch.rewards.tolist() == [0, 1, 2]
    assert batch.segment_index.tolist() == [0, 0, 1]
    assert batch.segment_starts.tolist() == [0, 2, 3]


def test_a_turn_without_tokens_pays_to_the_token_before_it() -> None:
    batch = TokenBatch.of([trajectory([[0, 0, 2]], [turn(1.0), turn(10.0), turn(2.0)])])
    assert batch.rewards.tolist() == [0, 11, 2]


def test_an_invalid_turn_pays_nothing_and_is_marked() -> None:
    batch = TokenBatch.of([trajectory([[0, WORLD, 1, 1]], [turn(1.0), turn(float("nan"), valid=False)])])
    assert batch.rewards.tolist() == [1, 0, 0]
    assert batch.turn_valid.tolist() == [True, False, False]
    assert batch.episode_valid.tolist() == [False]


def test_trajectories_without_an_action_are_left_out() -> None:
    empty = trajectory([[WORLD]], [])
    batch = TokenBatch.of([empty, trajectory([[0]], [turn(3.0)], group=7), empty])
    assert batch.group_ids.tolist() == [7]
    assert batch.rewards.tolist() == [3]
    assert len(TokenBatch.of([empty])) == 0
    assert TokenBatch.of([]).turn_end.dtype == np.bool_


@given(st.integers(0, 2**32 - 1))
def test_placed_rewards_sum_to_the_environments(seed: int) -> None:
    trajectories = random_trajectories(np.random.default_rng(seed))
    batch = TokenBatch.of(trajectories)
    for index, episode in enumerate(trajectories):
        placed = batch.rewards[batch.trajectory_index == index]
        assert placed.sum() == pytest.approx(episode.episode_return, abs=1e-5)
        assert np.count_nonzero(placed) <= len(episode.turns)
    assert (batch.rewards[~batch.turn_end] == 0).all()


def test_a_segment_cannot_begin_with_an_action() -> None:
    first = segment([0])
    with pytest.raises(ValueError, match="first token"):
        type(first)(first.token_ids[1:], first.action_mask[1:], first.behavior_logprobs[1:], first.turn_index[1:])
