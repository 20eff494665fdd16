from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.rollout.sampling import SamplingParams, behavior_logprobs, draw, stream_key, uniforms
from textenvs.errors import ConfigError

LOGITS = torch.tensor([[2.0, 1.0, 0.0, -1.0, -torch.inf]])


def probs(**options) -> torch.Tensor:
    return behavior_logprobs(LOGITS, SamplingParams(**options)).exp()[0]


def test_the_plain_sampler_is_softmax_of_logits_over_temperature():
    torch.testing.assert_close(probs(temperature=0.7), torch.softmax(LOGITS[0] / 0.7, -1))


def test_truncation_renormalises():
    top2 = torch.softmax(torch.tensor([2.0, 1.0]), -1)
    expected = torch.tensor([*top2.tolist(), 0.0, 0.0, 0.0])
    torch.testing.assert_close(probs(top_k=2), expected)
    torch.testing.assert_close(probs(top_p=0.8), expected)  # .644 alone is not enough, .644 + .237 is


def test_top_p_always_keeps_the_likeliest():
    assert probs(top_p=0.01).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


def test_top_k_beyond_the_vocabulary_keeps_all():
    torch.testing.assert_close(probs(top_k=99), probs())


def test_epsilon_mixes_in_a_uniform_distribution_over_the_top_k():
    over_three = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0]) / 3
    torch.testing.assert_close(probs(epsilon=0.1, epsilon_top_k=3), 0.9 * probs() + 0.1 * over_three)


def test_epsilon_draws_nothing_that_is_impossible():
    over_four = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0]) / 4
    torch.testing.assert_close(probs(epsilon=0.1, epsilon_top_k=99), 0.9 * probs() + 0.1 * over_four)
    over_two = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0]) / 2
    torch.testing.assert_close(probs(epsilon=0.1, top_k=2), 0.9 * probs(top_k=2) + 0.1 * over_two)


def test_epsilon_follows_each_rows_own_top_k():
    both = torch.cat([LOGITS, LOGITS.flip(1)])
    mixed = behavior_logprobs(both, SamplingParams(epsilon=0.3, epsilon_top_k=2)).exp()
    torch.testing.assert_close(mixed[1], mixed[0].flip(0))


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.9}, {"epsilon": 0.2, "epsilon_top_k": 2}]
)
def test_draws_follow_the_behavior_distribution(options: dict):
    params = SamplingParams(**options)
    noise = torch.from_numpy(uniforms(np.array([7], dtype=np.uint64), 20_000)[0])
    tokens, logprobs = draw(LOGITS.expand(20_000, -1), params, noise)
    expected = probs(**options)
    counts = torch.bincount(tokens, minlength=5).float()
    assert _chi_square(counts, 20_000 * expected) < _critical(int((expected > 0).sum()) - 1)
    torch.testing.assert_close(logprobs.exp(), expected[tokens])


def test_greedy_takes_the_likeliest_and_calls_it_certain():
    tokens, logprobs = draw(LOGITS, SamplingParams(greedy=True), torch.tensor([0.99], dtype=torch.float64))
    assert tokens.item() == 0
    assert logprobs.item() == 0.0


@given(st.floats(0, 1, exclude_max=True))
def test_no_noise_draws_the_impossible(u: float):
    both = torch.cat([LOGITS, LOGITS.flip(1)])
    tokens, logprobs = draw(both, SamplingParams(), torch.tensor([u, u], dtype=torch.float64))
    assert tokens[0] < 4
    assert tokens[1] > 0
    assert torch.isfinite(logprobs).all()


def test_noise_depends_on_stream_and_position_only():
    streams = np.array([stream_key(0, 1, 2, 3, 4), stream_key(0, 1, 2, 3, 5)], dtype=np.uint64)
    both, longer = uniforms(streams, 8), uniforms(streams[1:], 16)
    assert (both[1] == longer[0, :8]).all()


def test_noise_is_uniform_and_streams_are_unrelated():
    streams = np.array([stream_key(0, 0, item, 0, 0) for item in range(1000)], dtype=np.uint64)
    noise = uniforms(streams, 64)
    assert ((noise >= 0) & (noise < 1)).all()
    counts = np.histogram(noise, bins=50, range=(0, 1))[0]
    assert _chi_square(torch.from_numpy(counts).float(), torch.full((50,), noise.size / 50)) < _critical(49)
    assert abs(np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1]) < 0.02


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=5), st.integers(0, 4))
def test_every_part_of_the_key_counts(parts: list[int], place: int):
    changed = list(parts)
    changed[place % len(parts)] += 1
    assert stream_key(*parts) != stream_key(*changed)
    assert 0 <= stream_key(*parts) < 2**64


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0.0},
        {"max_new_tokens": 0},
        {"top_k": -1},
        {"top_p": 0.0},
        {"epsilon": 1.0},
        {"epsilon_top_k": 0},
    ],
)
def test_a_sampler_that_cannot_be_is_refused(options: dict):
    with pytest.raises(ConfigError, match=next(iter(options))):
        SamplingParams(**options)


def _chi_square(observed: torch.Tensor, expected: torch.Tensor) -> float:
    possible = expected > 0
    assert observed[~possible].sum() == 0
    return float(((observed - expected)[possible] ** 2 / expected[possible]).sum())


def _critical(freedom: int) -> float:
    """Return the chi-square distribution's 0.9999 quantile (Wilson and Hilferty's approximation)."""
    spread = 2 / (9 * freedom) if freedom else 0
    return freedom * (1 - spread + 3.719 * math.sqrt(spread)) ** 3 if freedom else 1e-9
