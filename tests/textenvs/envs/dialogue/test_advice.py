"""What every move is worth: the best one is the optimum's, and bounds are above it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.textenvs.envs.dialogue.test_env import toy
from textenvs.advice import Adviser, ranked
from textenvs.envs.dialogue.assess import converse, regret, upper_bound
from textenvs.envs.dialogue.env import DialogueStrategy
from textenvs.envs.dialogue.episode import DialogueEpisode
from textenvs.envs.dialogue.oracle import oracle_of
from textenvs.errors import ConfigError


def test_gains_compare_with_the_best_move_of_another_sort() -> None:
    found = ranked([("a", "question", 0.7), ("b", "question", 0.5), ("c", "answer", 0.6), ("d", "stop", 0.1)])
    assert [one.action for one in found] == ["a", "c", "b", "d"]
    assert [one.gain for one in found] == pytest.approx([0.1, -0.1, -0.1, -0.6])
    assert ranked([("a", "stop", 0.3)])[0].gain == 0.0


def test_the_first_advice_is_worth_the_optimum_and_the_regret_is_what_others_lack() -> None:
    env, sorts = toy(language="en"), set[str]()
    assert isinstance(env, Adviser)
    for index in range(30):
        advised: list[dict[str, float]] = []

        def act(_: Any, advised: list[dict[str, float]] = advised, index: int = index) -> str:
            advice = env.advice()
            advised.append({one.action: one.worth for one in advice})
            sorts.add(advice[0].sort)
            return advice[(index + len(advised)) % 3].action

        for truth, worths in zip(converse(env, act, index), advised, strict=True):
            oracle = oracle_of(truth.item.catalogue.kb, truth.item.habits, truth.item.mood == "angry")
            best = oracle.value(truth.belief, truth.turns)
            chosen = list(worths.values())[(index + 1 + 8 - truth.turns) % 3]
            assert max(worths.values()) == pytest.approx(best)
            assert regret(truth) == pytest.approx(best - chosen, abs=1e-9)
            assert upper_bound(truth) >= best - 1e-9
    assert {"question", "answer"} <= sorts


def test_nothing_is_advised_where_the_optimum_is_not_known() -> None:
    env = DialogueStrategy(difficulty="full")
    env.reset(options={"index": 0})
    with pytest.raises(ConfigError, match="small"):
        env.advice()
    episode = env.make_episode(0)
    assert isinstance(episode, DialogueEpisode)
    assert 0.5 < upper_bound(converse(env, lambda _: env.oracle_action(), 0)[0]) < 1.0
