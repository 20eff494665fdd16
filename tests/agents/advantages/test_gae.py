"""Token-level GAE: tables by hand, stable-baselines3 as the oracle, observation tokens that must not count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.buffers import RolloutBuffer

from agents.advantages.gae import Advantages, discounts, lambdas, token_gae, turn_gae
from agents.advantages.normalize import standardize
from agents.trajectory import TokenBatch
from tests.agents.build import WORLD, random_trajectories, scored, segment, trajectory, turn


def gae(batch: TokenBatch, token_gamma: float = 1.0, turn_gamma: float = 1.0, gae_lambda: float = 0.95) -> Advantages:
    return token_gae(
        batch.rewards,
        batch.values,
        batch.bootstrap,
        batch.trajectory_index,
        discounts(batch.turn_end, token_gamma, turn_gamma),
        gae_lambda,
        scored=batch.turn_valid,
    )


def valued(batch: TokenBatch, values: list[float], bootstrap: list[float]) -> TokenBatch:
    return replace(batch, values=np.array(values, dtype=np.float32), bootstrap=np.array(bootstrap, dtype=np.float32))


def test_table_by_hand() -> None:
    batch = TokenBatch.of([trajectory([[0, 0, WORLD, 1]], [turn(1.0), turn(2.0)])])
    result = gae(valued(batch, [0.5, 0.4, 0.3], [0.0]), token_gamma=0.9, gae_lambda=0.5)
    last = 2.0 - 0.3
    middle = 1.0 + 0.9 * 0.3 - 0.4 + 0.9 * 0.5 * last
    first = 0.9 * 0.4 - 0.5 + 0.9 * 0.5 * middle
    np.testing.assert_allclose(result.advantages, [first, middle, last], atol=1e-6)
    np.testing.assert_allclose(result.returns, [first + 0.5, middle + 0.4, last + 0.3], atol=1e-6)


def test_discount_per_token_and_per_turn_are_two_things() -> None:
    batch = valued(TokenBatch.of([trajectory([[0, 0, 0, 1, 1]], [turn(0.0), turn(1.0)])]), [0.0] * 5, [0.0])
    per_token = gae(batch, token_gamma=0.5, gae_lambda=1.0).advantages
    per_turn = gae(batch, turn_gamma=0.5, gae_lambda=1.0).advantages
    both = gae(batch, token_gamma=0.5, turn_gamma=0.5, gae_lambda=1.0).advantages
    np.testing.assert_allclose(per_token, [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1])
    np.testing.assert_allclose(per_turn, [1 / 2, 1 / 2, 1 / 2, 1, 1])
    np.testing.assert_allclose(both, [1 / 32, 1 / 16, 1 / 8, 1 / 2, 1])


def test_truncated_bootstraps_and_terminated_does_not() -> None:
    layout, record = [[0, 0]], [turn(1.0)]
    ended = valued(TokenBatch.of([trajectory(layout, record)]), [0.0, 0.0], [0.0])
    cut = valued(TokenBatch.of([trajectory(layout, record, truncated=True)]), [0.0, 0.0], [10.0])
    np.testing.assert_allclose(gae(ended, token_gamma=0.9, gae_lambda=1.0).advantages, [0.9, 1.0])
    np.testing.assert_allclose(gae(cut, token_gamma=0.9, gae_lambda=1.0).advantages, [9.0, 10.0])


@pytest.mark.parametrize("gamma", [1.0, 0.99, 0.9])
def test_equals_stable_baselines3_on_one_token_per_turn(gamma: float) -> None:
    generator = np.random.default_rng(0)
    steps, gae_lambda = 64, 0.95
    rewards, values, finals = generator.normal(size=(3, steps)).astype(np.float32)
    # 0: goes on, 1: terminated, 2: truncated after this step; the last episode is cut by the end of the buffer.
    ends = generator.choice([0, 0, 0, 1, 2], size=steps)
    ends[-1] = 0
    buffer = RolloutBuffer(steps, spaces.Box(-1, 1, (1,)), spaces.Discrete(2), gae_lambda=gae_lambda, gamma=gamma)
    started = True
    for t in range(steps):
        # stable-baselines3's own treatment of a truncated step: the discounted value joins the reward.
        reward = rewards[t] + gamma * finals[t] if ends[t] == 2 else rewards[t]
        buffer.add(
            np.zeros((1, 1)),
            np.zeros((1, 1)),
            np.array([reward], dtype=np.float32),
            np.array([started]),
            torch.tensor([values[t]]),
            torch.zeros(1),
        )
        started = ends[t] > 0
    buffer.compute_returns_and_advantage(torch.tensor([finals[-1]]), np.array([False]))

    episodes, bootstrap, rewards_left = [], [], list(rewards)
    for piece in np.split(np.arange(steps), np.flatnonzero(ends) + 1):
        end = ends[piece[-1]]
        records = [turn(float(rewards_left[t])) for t in piece]
        episodes.append(trajectory([list(range(len(piece)))], records, truncated=end != 1))
        bootstrap.append(0.0 if end == 1 else float(finals[piece[-1]]))
    result = gae(valued(TokenBatch.of(episodes), values.tolist(), bootstrap), token_gamma=gamma, gae_lambda=gae_lambda)
    np.testing.assert_array_equal(result.advantages, buffer.advantages[:, 0])
    np.testing.assert_array_equal(result.returns, buffer.returns[:, 0])


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    inserted=st.sampled_from([0, 1, 50, 1000]),
    where=st.floats(0, 1),
    token_gamma=st.sampled_from([1.0, 0.9]),
)
def test_observation_tokens_change_no_advantage(seed: int, inserted: int, where: float, token_gamma: float) -> None:
    generator = np.random.default_rng(seed)
    plain = random_trajectories(generator)
    padded = []
    for episode in plain:
        layout = list(episode.segments[0].turn_index[1:])
        place = int(where * len(layout))
        layout[place:place] = [WORLD] * inserted
        padded.append(replace(episode, segments=(segment(layout),)))
    before = scored(plain, np.random.default_rng(1))
    after = scored(padded, np.random.default_rng(1))
    for old, new in zip(gae(before, token_gamma, 0.9), gae(after, token_gamma, 0.9), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_turn_that_was_not_scored_passes_nothing_back() -> None:
    def batch(reward: float) -> TokenBatch:
        records = [turn(1.0), turn(reward, valid=False), turn(5.0)]
        return valued(TokenBatch.of([trajectory([[0, 1, 1, 2]], records)]), [0.1, 0.7, 0.2, 0.3], [0.0])

    result = gae(batch(float("nan")), token_gamma=0.9, gae_lambda=0.95)
    assert result.advantages[0] == pytest.approx(1.0 + 0.9 * 0.7 - 0.1)
    assert result.advantages[3] == pytest.approx(5.0 - 0.3)
    np.testing.assert_array_equal(result.advantages, gae(batch(100.0), token_gamma=0.9, gae_lambda=0.95).advantages)


def test_no_trajectories_no_advantages() -> None:
    assert len(gae(TokenBatch.of([])).advantages) == 0


def test_standardize_uses_the_masked_tokens_only() -> None:
    advantages = np.array([1.0, 2.0, np.nan, 6.0], dtype=np.float32)
    mask = np.array([True, True, False, True])
    result = standardize(advantages, mask)[mask]
    np.testing.assert_allclose(result, (np.array([1, 2, 6]) - 3) / np.std([1, 2, 6], ddof=1), rtol=1e-6)
    assert standardize(advantages, np.array([True, False, False, False]))[0] == 1.0


TWO_TURNS = [trajectory([[0, 0, WORLD, 1, 1]], [turn(1.0), turn(2.0)], truncated=True)]
VALUES, BOOTSTRAP = [0.5, 0.4, 0.3, 0.2], [0.6]


def by_turn(batch: TokenBatch, turn_gamma: float = 1.0, turn_lambda: float = 0.95) -> Advantages:
    return turn_gae(
        batch.rewards,
        batch.values,
        batch.bootstrap,
        batch.trajectory_index,
        batch.turn_end,
        turn_gamma,
        turn_lambda,
        scored=batch.turn_valid,
    )


def test_turns_by_hand() -> None:
    batch = valued(TokenBatch.of(TWO_TURNS), VALUES, BOOTSTRAP)
    second = 2.0 + 0.9 * 0.6 - 0.3
    first = 1.0 + 0.9 * 0.3 - 0.5 + 0.9 * 0.8 * second
    result = by_turn(batch, turn_gamma=0.9, turn_lambda=0.8)
    np.testing.assert_allclose(result.advantages, [first, first, second, second], atol=1e-6)
    np.testing.assert_allclose(result.returns, [first + 0.5, first + 0.5, second + 0.3, second + 0.3], atol=1e-6)


def test_a_target_inside_a_turn_leaves_out_what_the_turn_was_paid_before() -> None:
    """As where the divergence is charged to every token."""
    batch = valued(TokenBatch.of(TWO_TURNS), VALUES, BOOTSTRAP)
    charged = replace(batch, rewards=np.array([-0.1, 1.0, -0.2, 2.0], dtype=np.float32))
    result = by_turn(charged, turn_lambda=1.0)
    np.testing.assert_allclose(result.returns, [3.3, 3.4, 2.4, 2.6], atol=1e-6)


def test_nested_by_hand() -> None:
    batch = valued(TokenBatch.of(TWO_TURNS), VALUES, BOOTSTRAP)
    fourth = 2.0 + 0.9 * 0.6 - 0.2
    third = 0.2 - 0.3 + 0.5 * fourth
    second = 1.0 + 0.9 * 0.3 - 0.4 + 0.9 * 0.8 * third
    first = 0.4 - 0.5 + 0.5 * second
    result = token_gae(
        batch.rewards,
        batch.values,
        batch.bootstrap,
        batch.trajectory_index,
        discounts(batch.turn_end, 1.0, 0.9),
        lambdas(batch.turn_end, 0.5, 0.8),
    )
    np.testing.assert_allclose(result.advantages, [first, second, third, fourth], atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_a_turns_first_token_has_the_turns_advantage(seed: int, gamma: float, turn_lambda: float) -> None:
    """Nested with no discount and lambda 1 inside turns is turn-level GAE, seen from the turn's first token."""
    generator = np.random.default_rng(seed)
    batch = scored(random_trajectories(generator), generator)
    nested = token_gae(
        batch.rewards,
        batch.values,
        batch.bootstrap,
        batch.trajectory_index,
        discounts(batch.turn_end, 1.0, gamma),
        lambdas(batch.turn_end, 1.0, turn_lambda),
    )
    first = np.append(True, batch.turn_end[:-1])
    turns = by_turn(batch, gamma, turn_lambda)
    np.testing.assert_allclose(nested.advantages[first], turns.advantages[first], atol=1e-4)


def test_turns_of_nothing_are_nothing() -> None:
    assert len(by_turn(TokenBatch.of([])).advantages) == 0
