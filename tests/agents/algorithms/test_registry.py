"""The registry: every algorithm under its own name."""

from __future__ import annotations

import pytest

from agents.algorithms.registry import ALGORITHMS, find_algorithm
from textenvs.errors import UnknownNameError


def test_names_agree() -> None:
    assert {name: algorithm.name for name, algorithm in ALGORITHMS.items()} == {name: name for name in ALGORITHMS}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_record_says_what_it_is(name: str) -> None:
    algorithm = ALGORITHMS[name]
    assert algorithm.config() == algorithm.config.from_mapping({})
    assert "https://" in algorithm.paper
    assert algorithm.oracle
    assert all(line.isascii() and len(line) <= 120 for line in algorithm.equations)
    for settings in algorithm.variants.values():
        assert algorithm.config(**settings) != algorithm.config()


def test_an_unknown_name_gives_the_nearest_and_the_listing() -> None:
    with pytest.raises(UnknownNameError, match=r"'ppo'.*textenvs list algorithms"):
        find_algorithm("pp")
