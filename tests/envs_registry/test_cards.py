"""The cards: one for every id, of the policies that it has, and measured rather than written."""

from __future__ import annotations

import json
from collections.abc import Iterator

import gymnasium as gym
import pytest

from agents.cli import main
from agents.evaluation.cards import measure_card
from envs_registry.cards import Card, all_cards
from envs_registry.catalog import CATALOG, COMPOSED
from textenvs.core import TextEnv
from textenvs.errors import ConfigError

ECHO = "EchoForCards-v0"


@pytest.fixture
def echo() -> Iterator[str]:
    gym.register(ECHO, "tests.toy:EchoEnv")
    yield ECHO
    gym.registry.pop(ECHO)


def test_every_environment_has_a_card_of_the_policies_that_it_has() -> None:
    cards = all_cards()
    assert list(cards) == [entry.id for entry in (*CATALOG, *COMPOSED)], "run: python -m tests.benchmarks cards"
    for env_id, card in cards.items():
        env = gym.make(env_id, disable_env_checker=True).unwrapped
        assert isinstance(env, TextEnv)
        assert list(card.policies) == list(env.baselines()), f"{env_id}: run: python -m tests.benchmarks cards"
        best = max(score.episode_return.mean or 0.0 for score in card.policies.values())
        assert card.policies["oracle"].success.mean == 1.0
        assert card.policies["oracle"].episode_return.mean == best
        assert card.exploit is not None
        assert card.exploit.cells > 300
        assert card.commit


def test_a_card_is_measured(echo: str) -> None:
    card = measure_card(echo, "abc", items=4, attacked=1)
    assert card.policies["oracle"].episode_return.mean == 3.0
    assert (card.env_id, card.items, card.commit) == (echo, 4, "abc")
    assert card.exploit is not None
    assert card.exploit.items == 1
    assert Card.from_dict(json.loads(json.dumps(card.as_dict()))) == card


def test_what_has_no_baselines_has_no_card() -> None:
    with pytest.raises(ConfigError, match="TextEnv"):
        measure_card("CartPole-v1", "abc")


def test_show_prints_the_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "MultiTurnRewrite-v0"]) == 0
    page = capsys.readouterr().out
    for policy in ("oracle", "random", "copy"):
        assert f"  {policy} " in page
    assert "Worst exploit: " in page
    assert "below the weakest honest answer" in page
