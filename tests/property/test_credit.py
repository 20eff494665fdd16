"""What must hold for every algorithm's credit, whatever the episodes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.advantages.group import Scale, fused_parts, group_relative, leave_one_out
from agents.algorithms.base import Credit
from agents.trajectory import NO_TURN, Segment, TokenBatch, Trajectory
from tests.agents.build import trajectory, turn
from tests.property.cases import CASES, episodes, random_batch

SEEDS = st.integers(0, 2**32 - 1)
SCALES: list[Scale] = ["group", "batch", "none"]


def credit(case: str, batch: TokenBatch) -> Credit:
    algorithm, config = CASES[case]
    return algorithm.credit(batch, config)


def with_observation(episode: Trajectory, where: float, count: int) -> Trajectory:
    """Return the episode with `count` tokens that nobody sampled, somewhere after the first token of a segment."""
    index = int(where * len(episode.segments))
    segment = episode.segments[index]
    place = 1 + int((where * len(episode.segments) - index) * len(segment.token_ids))
    inserted: list[Any] = [7, False, 0.0, NO_TURN]
    arrays = (segment.token_ids, segment.action_mask, segment.behavior_logprobs, segment.turn_index)
    longer = Segment(*(np.insert(a, place, [value] * count) for a, value in zip(arrays, inserted, strict=True)))
    return replace(episode, segments=(*episode.segments[:index], longer, *episode.segments[index + 1 :]))


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=15)
@given(seed=SEEDS, count=st.sampled_from([0, 1, 50, 1000]), where=st.floats(0, 1, exclude_max=True))
def test_observation_tokens_change_no_advantage(case: str, seed: int, count: int, where: float) -> None:
    played = episodes(seed)
    plain = credit(case, random_batch(played))
    longer = credit(case, random_batch([with_observation(episode, where, count) for episode in played]))
    for before, after in zip(plain, longer, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=10)
@given(seed=SEEDS, order=st.permutations(range(8)))
def test_the_order_of_the_episodes_changes_no_advantage(case: str, seed: int, order: list[int]) -> None:
    played = episodes(seed)
    batch, moved = random_batch(played), random_batch([played[place] for place in order])
    before, after = credit(case, batch), credit(case, moved)
    place = np.concatenate([np.flatnonzero(batch.trajectory_index == episode) for episode in order])
    np.testing.assert_array_equal(before.mask[place], after.mask)
    mask = after.mask
    np.testing.assert_allclose(before.advantages[place][mask], after.advantages[mask], atol=1e-5)
    np.testing.assert_allclose(before.returns[place][mask], after.returns[mask], atol=1e-5)


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=10)
@given(seed=SEEDS, poison=st.sampled_from([np.nan, np.inf, 1e6]))
def test_what_was_not_scored_changes_no_other_advantage(case: str, seed: int, poison: float) -> None:
    played = episodes(seed)
    first = played[0]
    lost = replace(first.turns[-1], reward=poison, parts={"x": poison, "y": poison})
    clean = credit(case, random_batch(played))
    dirty = credit(case, random_batch([replace(first, turns=(*first.turns[:-1], lost)), *played[1:]]))
    np.testing.assert_array_equal(clean.mask, dirty.mask)
    np.testing.assert_array_equal(clean.advantages[clean.mask], dirty.advantages[clean.mask])
    assert np.isfinite(dirty.advantages[dirty.mask]).all()


@pytest.mark.parametrize("scale", SCALES)
@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5), size=st.integers(1, 9))
def test_constant_groups_give_exactly_zero(scale: Scale, values: list[float], size: int) -> None:
    """Each group has one return for all its members; two further groups see to it that deviations are not 0."""
    returns = np.append(np.repeat(values, size), [3.0, 4.0, 4.0, 7.0])
    groups = np.append(np.repeat(np.arange(len(values)), size), [98, 98, 99, 99])
    valid = np.ones(len(returns), dtype=np.bool_)
    by_part = fused_parts({"x": returns, "y": -returns / 3}, {"x": 0.3, "y": 0.7}, groups, valid, scale)
    for found in (group_relative(returns, groups, valid, scale), leave_one_out(returns, groups, valid), by_part):
        assert (found[:-4] == 0).all()
        assert (found[-4:] != 0).all()


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith(("grpo", "rloo"))])
@settings(max_examples=20)
@given(reward=st.floats(-1e6, 1e6, width=32), lengths=st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_groups_of_one_give_exactly_zero(case: str, reward: float, lengths: list[int]) -> None:
    record = turn(reward, parts={"x": reward, "y": 1.0})
    alone = [trajectory([[0] * length], [record], group=place) for place, length in enumerate(lengths)]
    result = credit(case, TokenBatch.of(alone))
    assert (result.advantages == 0).all()
    assert result.mask.all()
