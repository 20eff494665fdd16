"""The figures of an evaluation, against the same figures computed by hand from its episodes."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from agents.evaluation import EpisodeScore, EvaluationResult, Scorecard, evaluate, scorecards
from agents.trajectory import TurnRecord
from tests.agents.evaluation.conftest import ECHO


def turn(reward: float, *, valid: bool = True, invalid: bool = False, finish: str = "stop") -> TurnRecord:
    return TurnRecord(reward, {"p": reward}, valid, 1.0, finish, invalid)


def episode(index: int, member: int, success: float, *turns: TurnRecord, stop: str = "success") -> EpisodeScore:
    value = sum(one.reward for one in turns)
    return EpisodeScore(index, f"item/{index}", "", success, value, turns, stop, (), member, tokens=4.0, seconds=0.5)


RESULT = EvaluationResult(
    (
        episode(0, 0, 1.0, turn(1.0), turn(1.0)),
        episode(0, 1, 0.0, turn(0.0, invalid=True), stop="truncated"),
        episode(1, 0, 0.0, turn(0.5, finish="length"), turn(0.0, valid=False), stop="failure"),
        episode(1, 1, 0.0, turn(0.5), stop="worker_died"),
    )
)


def test_an_item_counts_once() -> None:
    card = Scorecard.of(RESULT)
    assert card.episodes == 4
    assert card.means["success"].estimate == pytest.approx((0.5 + 0.0) / 2)
    assert card.means["success"].n == 2
    assert card.means["return"].estimate == pytest.approx((1.0 + 0.5) / 2)
    assert card.bootstrap["return"].estimate == pytest.approx(0.75)
    assert (card.bootstrap["return"].low, card.bootstrap["return"].high) == (0.5, 1.0)


def test_rates_are_shares_of_turns_and_episodes() -> None:
    rates = {name: interval.estimate for name, interval in Scorecard.of(RESULT).rates.items()}
    assert rates == pytest.approx(
        {
            "invalid actions": (0 + 1 + 0 + 0) / 4,
            "turns cut": (0 + 0 + 0.5 + 0) / 4,
            "truncated": 1 / 4,
            "failed": 1 / 4,
        }
    )


def test_repeats_give_passes() -> None:
    passes = {name: interval.estimate for name, interval in Scorecard.of(RESULT).passes.items()}
    assert passes == pytest.approx({"pass@1": 0.25, "pass@2": 0.5, "pass^1": 0.25, "pass^2": 0.0})
    assert Scorecard.of(RESULT.only("none")).episodes == 0
    assert Scorecard.of(EvaluationResult(RESULT.episodes[::2])).passes == {}


def test_the_curve_is_by_turn_and_leaves_out_what_was_not_scored() -> None:
    first, second = Scorecard.of(RESULT).curve
    assert (first.turn, first.reached, second.turn, second.reached) == (1, 1.0, 2, 0.5)
    assert first.reward.estimate == pytest.approx((0.5 + 0.5) / 2)
    assert (second.reward.estimate, second.reward.n) == (1.0, 1)
    assert first.invalid.estimate == pytest.approx(0.25)


def test_tokens_and_time() -> None:
    card = Scorecard.of(RESULT)
    assert (card.tokens.estimate, card.seconds) == (4.0, 2.0)
    scripted = Scorecard.of(evaluate("oracle", ECHO, episodes=3))
    assert math.isnan(scripted.tokens.estimate)
    assert scripted.seconds > 0


def test_cards_are_json_and_one_for_each_group() -> None:
    result = EvaluationResult.merge(evaluate("oracle", ECHO, episodes=4, group=group) for group in ("one", "two"))
    cards = scorecards(result)
    assert list(cards) == ["all", "one", "two"]
    assert cards["all"].episodes == 8
    json.dumps([card.as_dict() for card in (*cards.values(), Scorecard.of(RESULT.only("none")))], allow_nan=False)


def test_the_bootstrap_and_t_agree_on_many_items() -> None:
    rewards = np.random.default_rng(5).normal(size=300)
    card = Scorecard.of(EvaluationResult(tuple(episode(i, 0, 1.0, turn(r)) for i, r in enumerate(rewards))))
    for end in ("low", "high"):
        assert getattr(card.bootstrap["return"], end) == pytest.approx(getattr(card.means["return"], end), abs=0.02)
