"""The registry: every algorithm under its own name."""

from __future__ import annotations

import pytest

from agents.algorithms.registry import ALGORITHMS, find_algorithm
from textenvs.errors import UnknownNameError


def test_names_agree() -> None:
    assert {name: algorithm.name for name, algorithm in ALGORITHMS.items()} == {"ppo": "ppo", "grpo": "grpo"}


def test_an_unknown_name_gives_the_nearest_and_the_listing() -> None:
    with pytest.raises(UnknownNameError, match=r"'ppo'.*textenvs list algorithms"):
        find_algorithm("pp")
