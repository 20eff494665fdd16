"""Micro-batches: every row once, under the budget, tokens where they belong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.policies.batching import plan
from agents.trainer.microbatch import microbatches, pad_states, padding_saved
from agents.trajectory import TokenBatch
from tests.agents.build import WORLD, random_trajectories, trajectory, turn


@given(st.lists(st.integers(1, 40), max_size=30), st.integers(1, 100))
def test_plan_covers_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    groups = plan(np.array(lengths, dtype=np.int64), budget)
    assert sorted(row for group in groups for row in group) == list(range(len(lengths)))
    for group in groups:
        padded = len(group) * max(lengths[row] for row in group)
        assert padded <= budget or len(group) == 1


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=30), st.integers(1, 100))
def test_plan_parts_no_owners_rows(rows: list[tuple[int, int]], budget: int) -> None:
    lengths, owners = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    groups = plan(lengths, budget, owners)
    assert sorted(row for group in groups for row in group) == list(range(len(rows)))
    homes = [set(owners[group]) for group in groups]
    assert sum(map(len, homes)) == len(set(owners))
    for group, home in zip(groups, homes, strict=True):
        assert len(group) * lengths[group].max() <= budget or len(home) == 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_rows_select_the_masked_tokens_in_the_batchs_order(seed: int, budget: int) -> None:
    generator = np.random.default_rng(seed)
    batch = TokenBatch.of(random_trajectories(generator))
    mask = generator.random(len(batch)) < 0.7
    covered = []
    for rows in microbatches(batch, mask, budget):
        covered += rows.tokens.tolist()
        expected = [
            batch.segments[batch.segment_index[token]].token_ids[batch.position[token]] for token in rows.tokens
        ]
        assert rows.token_ids[rows.select].tolist() == expected
        assert (rows.attention_mask | ~rows.select).all()
        np.testing.assert_array_equal(rows.temperature[rows.select], batch.temperature[rows.tokens])
    assert sorted(covered) == np.flatnonzero(mask).tolist()


def test_what_follows_the_last_scored_token_is_not_fed() -> None:
    batch = TokenBatch.of([trajectory([[WORLD, 0, 0, WORLD, WORLD, 1]], [turn(), turn()])])
    (rows,) = microbatches(batch, np.array([True, True, False]), 100)
    assert rows.token_ids.shape == (1, 4)
    assert not microbatches(batch, np.zeros(3, dtype=np.bool_), 100)


def test_sorting_by_length_saves_padding() -> None:
    """Two rows fit a micro-batch: sorted 2 x 10 + 2 x 4 tokens are fed, as they came 2 x 10 twice."""
    assert padding_saved(np.array([10, 4, 3, 9]), 20) == pytest.approx(1 - 28 / 38)
    assert padding_saved(np.array([5, 5, 5]), 10) == 0
    assert np.isnan(padding_saved(np.array([], dtype=np.int64), 10))


def test_states_are_padded_on_the_right() -> None:
    ids, mask = pad_states([np.array([5, 6]), np.array([7])])
    torch.testing.assert_close(ids, torch.tensor([[5, 6], [7, 0]]))
    assert mask.tolist() == [[True, True], [True, False]]
