"""What a search engine finds with the answer: measures by hand and by brute force, and engines of every kind."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Hashable, Sequence
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textenvs.errors import RewardSpecError, UnknownNameError
from textenvs.faults import Fault
from textenvs.messages import Turn
from textenvs.rewards import Delayed, Product, Retrieval
from textenvs.rewards.measures import recall_at, reciprocal_rank


def asked(answer: str, *relevant: str, last: bool = False) -> Turn:
    return Turn("", (), answer, truth=SimpleNamespace(relevant=frozenset(relevant)), last=last)


def by_letters(query: str, k: int) -> Sequence[Hashable]:
    """Find the documents whose names are the letters of the query, in order."""
    return list(query)[:k]


class Together:
    """An engine for many queries, which it counts."""

    def __init__(self) -> None:
        self.calls: list[Sequence[str]] = []

    def __call__(self, query: str, k: int) -> Sequence[Hashable]:
        raise AssertionError("asked one by one")

    def search_batch(self, queries: Sequence[str], k: int) -> list[Sequence[Hashable]]:
        self.calls.append(list(queries))
        return [by_letters(query, k) for query in queries]


# Measures


@pytest.mark.parametrize(
    ("ranking", "relevant", "k", "recall", "rank"),
    [
        ("abc", "a", 10, 1.0, 1.0),
        ("abc", "c", 10, 1.0, 1 / 3),
        ("abc", "c", 2, 0.0, 0.0),
        ("abc", "bz", 3, 0.5, 1 / 2),
        ("aab", "ab", 2, 0.5, 1.0),
        ("", "a", 1, 0.0, 0.0),
    ],
)
def test_measures_by_hand(ranking: str, relevant: str, k: int, recall: float, rank: float) -> None:
    assert recall_at(ranking, relevant, k) == pytest.approx(recall)
    assert reciprocal_rank(ranking, relevant, k) == pytest.approx(rank)


@given(st.text("abcdef", max_size=8), st.sets(st.sampled_from("abcdefgh"), min_size=1), st.integers(1, 9))
def test_measures_by_brute_force(ranking: str, relevant: set[str], k: int) -> None:
    hits = [place for place in range(min(k, len(ranking))) if ranking[place] in relevant]
    assert recall_at(ranking, relevant, k) == len({ranking[place] for place in hits}) / len(relevant)
    assert reciprocal_rank(ranking, relevant, k) == (1 / (hits[0] + 1) if hits else 0.0)


def test_measures_of_nothing_are_refused() -> None:
    for measure in (recall_at, reciprocal_rank):
        with pytest.raises(ValueError, match="relevant"):
            measure("abc", "", 3)
        with pytest.raises(ValueError, match="k=0"):
            measure("abc", "a", 0)


# The reward


@pytest.mark.parametrize(("pays", "value"), [("mrr", 0.5), ("recall", 1.0)])
def test_one_measure_is_paid_and_both_are_parts(pays: str, value: float) -> None:
    score = Retrieval(by_letters, pays=pays)(asked("<think>c</think>ab", "b"))
    assert (score.value, score.valid) == (value, True)
    assert score.parts == {"mrr": 0.5, "recall": 1.0}


def test_queries_are_asked_together_where_the_engine_likes_that_and_empty_ones_not_at_all() -> None:
    engine = Together()
    reward = Retrieval(engine, k=2)
    turns = [asked("xa", "a"), asked("<think>a</think>", "a"), asked("xya", "a")]
    assert [score.value for score in reward.score_batch(turns)] == [0.5, 0.0, 0.0]
    assert engine.calls == [["xa", "xya"]]
    assert reward.batches
    assert not Retrieval(by_letters).batches
    assert Retrieval(by_letters, k=2).score_batch(turns) == reward.score_batch(turns)
    assert reward.score_batch([asked("", "a")])[0].value == 0.0


def test_a_turn_without_labels_is_missing_and_leaves_the_others_alone() -> None:
    for engine in (by_letters, Together()):
        unlabelled, labelled = Retrieval(engine).score_batch([asked("a"), asked("a", "a")])
        assert (unlabelled.valid, unlabelled.value, unlabelled.fault) == (False, 0.0, Fault.REWARD_FAILED)
        assert all(math.isnan(part) for part in unlabelled.parts.values())
        assert (labelled.valid, labelled.value) == (True, 1.0)


def test_an_engine_that_fails_leaves_the_turn_missing() -> None:
    def down(query: str, k: int) -> Sequence[Hashable]:
        raise ConnectionError("refused") if query == "b" else None or LookupError(query)

    class Short(Together):
        def search_batch(self, queries: Sequence[str], k: int) -> list[Sequence[Hashable]]:
            return []

    for engine in (down, Short()):
        (score,) = Retrieval(engine).score_batch([asked("b", "b")])
        assert (score.valid, set(score.parts)) == (False, {"mrr", "recall"})


def test_relevance_may_come_from_the_reference() -> None:
    reward = Retrieval(by_letters, lambda turn: by_letters(turn.truth.gold, 1))
    assert reward(Turn("", (), "xg", truth=SimpleNamespace(gold="gold"))).value == 0.5


def test_it_composes_is_paid_late_and_travels() -> None:
    reward = Delayed(Product({"found": Retrieval(by_letters), "kept": lambda turn: 0.5}))
    scores = reward.score_batch([asked("b", "b"), asked("ab", "b", last=True)])
    assert [score.value for score in scores] == [0.0, 0.25]
    assert scores[1].parts["reward.found.recall"] == 1.0
    assert set(scores[1].parts) == set(reward.part_names)
    plain = Retrieval(by_letters)
    assert copy.deepcopy(plain) is plain
    assert pickle.loads(pickle.dumps(plain))(asked("b", "b")).value == 1.0  # noqa: S301 (our own bytes)


def test_mistakes_are_told() -> None:
    with pytest.raises(UnknownNameError, match="mrr"):
        Retrieval(by_letters, pays="mr")  # type: ignore[arg-type]
    with pytest.raises(RewardSpecError, match="k=0"):
        Retrieval(by_letters, k=0)
