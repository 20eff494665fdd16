"""What divides: each normaliser by hand."""

from __future__ import annotations

import numpy as np

from agents.losses import weights

EPISODES = np.array([4, 4, 4, 9])


def test_per_token() -> None:
    np.testing.assert_allclose(weights.per_token(EPISODES), [1 / 4] * 4)


def test_per_episode() -> None:
    np.testing.assert_allclose(weights.per_episode(EPISODES), [1 / 6, 1 / 6, 1 / 6, 1 / 2])


def test_per_constant() -> None:
    np.testing.assert_allclose(weights.per_constant(EPISODES, 10), [1 / 20] * 4)


def test_no_tokens_no_weights() -> None:
    none = np.array([], dtype=np.int64)
    assert [len(f) for f in (weights.per_token(none), weights.per_episode(none), weights.per_constant(none, 3))] == [
        0
    ] * 3
