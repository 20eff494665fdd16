"""The importance weight that corrects for the sampler, by hand."""

from __future__ import annotations

import math

import numpy as np

from agents.losses.importance import truncated_importance

OLD = np.array([0.0, -1.0, -1.0, -2.0], dtype=np.float32)
BEHAVIOR = np.array([-3.0, -1.0, 0.0, -2.5], dtype=np.float32)


def test_off_by_default() -> None:
    assert truncated_importance(OLD, BEHAVIOR, None).tolist() == [1, 1, 1, 1]


def test_every_token_is_truncated_for_itself() -> None:
    expected = [2.0, 1.0, math.exp(-1), math.exp(0.5)]
    np.testing.assert_allclose(truncated_importance(OLD, BEHAVIOR, 2.0), expected, rtol=1e-6)


def test_a_sequence_has_the_product_of_its_tokens_truncated_once() -> None:
    """The first sequence's logs add up to 3 + 0 - 1, the second's to 0.5."""
    sequence = np.array([0, 0, 0, 1])
    expected = [math.exp(2)] * 3 + [math.exp(0.5)]
    np.testing.assert_allclose(truncated_importance(OLD, BEHAVIOR, 100.0, sequence), expected, rtol=1e-6)
    capped = [2.0] * 3 + [math.exp(0.5)]
    np.testing.assert_allclose(truncated_importance(OLD, BEHAVIOR, 2.0, sequence), capped, rtol=1e-6)


def test_what_would_overflow_is_the_cap() -> None:
    assert truncated_importance(np.array([1000.0]), np.array([0.0]), 3.0).tolist() == [3.0]


def test_no_tokens_no_weights() -> None:
    nothing = np.empty(0, dtype=np.float32)
    assert len(truncated_importance(nothing, nothing, 2.0, np.empty(0, dtype=np.int64))) == 0
