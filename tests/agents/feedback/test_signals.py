"""Signals: every line of the mapping, and what contradicts itself is left out and counted."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agents.feedback.events import Event
from agents.feedback.signals import REWARDS, SignalConfig, Signals, candidate_rewards, signals
from agents.feedback.store import Interaction
from tests.agents.feedback.records import EXTRAS, event, shown
from textenvs.errors import ConfigError


def read(*events: Event, answers: tuple[str, ...] = ("a", "b", "c"), **settings: Any) -> Signals:
    return signals([Interaction(shown(answers=answers), events)], SignalConfig(**settings))


def said(messages: list[dict[str, str]]) -> str:
    (message,) = messages
    assert message["role"] == "assistant"
    return message["content"]


def pairs(found: Signals) -> list[tuple[str, str, float, str]]:
    return [(said(r["chosen"]), said(r["rejected"]), r["margin"], r["source"]) for r in found.preference]


def labels(found: Signals) -> dict[str, bool]:
    return {said(row["completion"]): row["label"] for row in found.unpaired}


def test_a_correction_is_a_demonstration_a_pair_and_two_labels() -> None:
    found = read(event("correction", position=1, text="better"))
    (row,) = found.sft
    assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant"]
    assert row["messages"][-1]["content"] == "better"
    assert row["impression_id"] == "i0"
    assert pairs(found) == [("better", "b", 1.0, "correction")]
    assert labels(found) == {"b": False, "better": True}
    assert labels(read(event("correction", text="better"), label_corrections=False)) == {}


def test_the_prompt_is_the_conversation_without_the_answer() -> None:
    (row,) = read(event("thumb", up=True)).unpaired
    assert [message["content"] for message in row["prompt"]] == ["Rewrite.", "那上海呢?"]


def test_favoured_over_complained() -> None:
    found = read(event("favourite", "1", position=2), event("complaint", "2", position=0), event("click", "3"))
    assert pairs(found) == [("c", "a", 1.0, "favoured")]
    assert labels(found) == {"a": False, "c": True}
    thumbs = read(event("thumb", "1", position=0, up=True), event("thumb", "2", position=1, up=False))
    assert pairs(thumbs) == [("a", "b", 1.0, "favoured")]


def test_a_ranking_gives_all_its_pairs() -> None:
    found = read(event("ranking", order=[2, 0, 1]))
    assert pairs(found) == [("c", "a", 0.5, "ranking"), ("c", "b", 1.0, "ranking"), ("a", "b", 0.5, "ranking")]


def test_scores_make_pairs_from_the_margin_on_and_within_one_annotator_only() -> None:
    scores = [event("rating", f"r{n}", position=n, score=s, part="") for n, s in enumerate((0.5, 0.75, 0.6))]
    assert pairs(read(*scores)) == [("b", "a", 0.25, "rating")]
    assert pairs(read(*scores, margin=0.3)) == []
    others = [event("rating", f"r{n}", position=n, score=float(n), part="", user_id=f"u{n}") for n in range(2)]
    assert pairs(read(*others)) == []
    parts = [event("rating", f"r{n}", position=n, score=float(n), part="fluency") for n in range(2)]
    assert pairs(read(*parts)) == []


def test_ratings_label_by_their_marks() -> None:
    scores = [event("rating", f"r{n}", position=n, score=s, part="") for n, s in enumerate((0.25, 0.5, 0.75))]
    assert labels(read(*scores)) == {"a": False, "c": True}


def test_contradictions_and_equal_texts_are_dropped_and_counted() -> None:
    both = read(event("favourite", "1"), event("complaint", "2"), event("complaint", "3", position=1))
    assert labels(both) == {"b": False}
    assert pairs(both) == []
    assert both.dropped["label that others contradict"] == 1
    same = read(event("ranking", order=[0, 1]), answers=("a", " a "))
    assert same.preference == []
    assert same.dropped["pair of equal texts"] == 1


def test_a_correction_that_changes_nothing_says_nothing() -> None:
    found = read(event("correction", text=" a "), event("favourite", "1"))
    assert (found.sft, found.preference, labels(found)) == ([], [], {"a": True})
    assert [row["reward"] for row in found.rewards] == [1.0]
    assert found.dropped["correction that changes nothing"] == 1


def test_every_kind_has_its_reward_and_silence_has_none() -> None:
    expected = {
        "click": [math.nan, 0.25],
        "favourite": [1.0, math.nan],
        "complaint": [-1.0, math.nan],
        "thumb": [-1.0, math.nan],
        "rating": [0.5, math.nan],
        "ranking": [-1.0, 1.0],
        "correction": [-0.5, math.nan],
        "re_ask": [-0.5, -0.5],
        "abandon": [-0.25, -0.25],
    }
    assert set(expected) == set(EXTRAS) == set(REWARDS)
    for kind, rewards in expected.items():
        found = candidate_rewards(Interaction(shown(), (event(kind),)), REWARDS)
        assert found == pytest.approx(rewards, nan_ok=True), kind


def test_rewards_are_averaged_and_rows_are_made_of_those_that_are_there() -> None:
    found = read(event("favourite", "1"), event("click", "2", position=0), event("abandon", "3"))
    rows = {row["position"]: row["reward"] for row in found.rewards}
    assert rows == {0: pytest.approx((1 + 0.25 - 0.25) / 3), 1: -0.25, 2: -0.25}
    only = read(event("click", position=1), event("abandon", "2"), rewards={"click": 1.0})
    assert [(row["position"], row["reward"]) for row in only.rewards] == [(1, 1.0)]


def test_favourites_are_demonstrations_only_if_asked_for() -> None:
    given = (event("favourite", "1", position=1), event("favourite", "2"), event("complaint", "3"))
    assert read(*given).sft == []
    (row,) = read(*given, demonstrate_favourites=True).sft
    assert (row["messages"][-1]["content"], row["source"]) == ("b", "favourite")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rewards": {"clik": 1.0}}, "clik"),
        ({"rewards": {"click": 2.0}}, "click"),
        ({"margin": 0.0}, "margin"),
        ({"good_score": 0.2}, "good_score"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SignalConfig(**settings)
