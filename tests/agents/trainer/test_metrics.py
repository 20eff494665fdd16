"""Metrics: what is missing is left out, never counted as 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.trainer.metrics import batch_metrics, episode_metrics, explained_variance, standard_error
from tests.agents.build import random_trajectories, scored, trajectory, turn


def test_missing_rewards_and_parts_are_left_out() -> None:
    nan = float("nan")
    episodes = [
        replace(trajectory([[0, 0]], [turn(1.0, parts={"a": 1.0, "b": nan})]), success=1.0),
        replace(trajectory([[0]], [turn(0.0, valid=False, parts={"a": nan, "b": nan})]), success=nan),
        replace(trajectory([[0]], [turn(0.5, parts={"a": 0.5, "b": nan}, finish_reason="length")]), success=0.0),
    ]
    found = episode_metrics(episodes)
    assert found["episode_return"] == 0.75
    assert found["reward"] == 0.75
    assert found["success"] == 0.5
    assert found["reward/a"] == 0.75
    assert np.isnan(found["reward/b"])
    assert found["reward_valid_rate"] == pytest.approx(2 / 3)
    assert found["cut_rate"] == pytest.approx(1 / 3)
    assert found["response_tokens"] == pytest.approx(4 / 3)


def test_the_standard_error_counts_an_item_once() -> None:
    values = [1.0, 0.0, 0.5, 0.25, float("nan")]
    assert standard_error(values, [0, 1, 2, 3, 4]) == pytest.approx(np.std(values[:4], ddof=1) / 2)
    doubled = standard_error([v for v in values for _ in range(2)], [g for g in range(5) for _ in range(2)])
    assert doubled == pytest.approx(standard_error(values, [0, 1, 2, 3, 4]))
    assert np.isnan(standard_error([1.0, 0.0], [7, 7]))


def test_signs_of_gaming_are_counted_in_what_the_agent_said() -> None:
    said = ["an older turn", "one two one two", "clean", "hid\u200bden", "四个字儿"]
    messages = [{"role": "user", "content": "no no no no"}, *({"role": "assistant", "content": text} for text in said)]
    episode = trajectory([[0, 1, 2, 3]], [turn(1.0)] * 4)
    found = episode_metrics([replace(episode, messages=tuple(messages))])
    assert found["repetition"] == pytest.approx(0.5 / 4)
    assert found["flags/hidden"] == 0.25
    assert found["flags/loop"] == 0.25
    assert found["flags/copy"] == 0
    assert found["flagged"] == 0.5


def test_no_episodes_no_figures() -> None:
    assert all(np.isnan(value) for value in episode_metrics([]).values())


def test_gap_between_sampler_and_trainer() -> None:
    batch = scored(random_trajectories(np.random.default_rng(0)), np.random.default_rng(0))
    close = replace(batch, old_logprobs=batch.behavior_logprobs + np.float32(0.25))
    assert batch_metrics(close, 100)["sampler_gap"] == pytest.approx(0.25)
    assert batch_metrics(close, 100)["sampler_gap_max"] == pytest.approx(0.25)


def test_explained_variance() -> None:
    returns = np.array([1.0, 2.0, 3.0])
    assert explained_variance(returns, returns) == 1
    assert explained_variance(np.full(3, 2.0), returns) == 0
    assert explained_variance(-returns, returns) < 0
    assert np.isnan(explained_variance(returns, np.ones(3)))
