"""Group-relative advantages: tables by hand, TRL's formula as the oracle, the cases that divide by zero."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from trl.trainer.utils import nanstd

from agents.advantages.group import fused_parts, group_relative, leave_one_out


def advantages(
    returns: list[float],
    groups: list[int],
    valid: list[bool] | None = None,
    scale: Literal["group", "batch", "none"] = "group",
) -> np.ndarray:
    return group_relative(
        np.array(returns), np.array(groups), np.array(valid or [True] * len(returns)), scale, epsilon=1e-4
    )


def test_table_by_hand() -> None:
    found = advantages([0.0, 1.0, 2.0, 5.0, 7.0], [3, 3, 3, 1, 1])
    low = np.sqrt(2) + 1e-4
    np.testing.assert_allclose(found, [-1 / 1.0001, 0, 1 / 1.0001, -1 / low, 1 / low], atol=1e-6)


def test_groups_may_be_interleaved() -> None:
    found = advantages([0.0, 5.0, 2.0, 7.0], [0, 1, 0, 1], scale="none")
    np.testing.assert_array_equal(found, [-1, -1, 1, 1])


@given(st.floats(-1e3, 1e3), st.integers(1, 9), st.sampled_from(["group", "batch", "none"]))
def test_equal_returns_give_exactly_zero(value: float, size: int, scale: Literal["group", "batch", "none"]) -> None:
    assert (advantages([value] * size + [3.0, 4.0], [0] * size + [1, 1], scale=scale)[:size] == 0).all()


def test_a_group_of_one_gives_exactly_zero() -> None:
    assert advantages([0.1], [0]).tolist() == [0]
    assert advantages([0.1], [0], scale="batch").tolist() == [0]


def test_an_invalid_episode_leaves_the_baseline() -> None:
    found = advantages([1.0, float("nan"), 3.0], [0, 0, 0], [True, False, True], scale="none")
    np.testing.assert_array_equal(found, [-1, 0, 1])
    assert advantages([float("nan")], [0], [False]).tolist() == [0]


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_equals_trl(scale: Literal["group", "batch", "none"]) -> None:
    rewards = torch.tensor(np.random.default_rng(0).normal(size=24), dtype=torch.float32)
    # As in GRPOTrainer._generate_and_score_completions, with four generations of each of six prompts.
    centred = rewards - rewards.view(-1, 4).nanmean(dim=1).repeat_interleave(4)
    match scale:
        case "group":
            expected = centred / (nanstd(rewards.view(-1, 4), dim=1).repeat_interleave(4) + 1e-4)
        case "batch":
            expected = centred / (nanstd(rewards) + 1e-4)
        case "none":
            expected = centred
    found = advantages(rewards.tolist(), list(np.repeat(np.arange(6), 4)), scale=scale)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_leave_one_out_by_hand() -> None:
    returns, groups = np.array([1.0, 2.0, 6.0, 5.0, np.nan, 7.0]), np.array([0, 0, 0, 1, 1, 1])
    found = leave_one_out(returns, groups, ~np.isnan(returns))
    np.testing.assert_allclose(found, [-3, -1.5, 4.5, -2, 0, 2], atol=1e-6)


def test_fused_parts_by_hand() -> None:
    """Two groups of two: every part is +-1 / sqrt(2) of its deviation, whatever its scale."""
    groups, valid = np.array([0, 0, 1, 1]), np.ones(4, dtype=np.bool_)
    parts = {"small": np.array([0.0, 1.0, 1.0, 0.0]), "large": np.array([100.0, 0.0, 0.0, 100.0])}
    unit = 1 / np.sqrt(2)
    fused = np.array([-1, 1, 1, -1]) * (2 * unit - 1 * unit)
    expected = fused / (fused.std(ddof=1) + 1e-9)
    found = fused_parts(parts, {"small": 2.0, "large": 1.0}, groups, valid, epsilon=1e-9)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_missing_part_adds_nothing() -> None:
    groups, valid = np.zeros(3, dtype=np.int64), np.array([True, True, False])
    parts = {"known": np.array([0.0, 1.0, 9.0]), "missing": np.array([np.nan, 5.0, 9.0])}
    found = fused_parts(parts, {"known": 1.0, "missing": 1.0}, groups, valid, "none")
    np.testing.assert_allclose(found[:2], np.array([-0.5, 0.5]) / (np.sqrt(0.5) + 1e-4), atol=1e-6)
    assert found[2] == 0
