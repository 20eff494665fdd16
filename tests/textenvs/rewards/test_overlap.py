"""Overlap measures against brute force, hand-made values and a well-kept library."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.evaluation.text_scores import chrf
from textenvs.rewards.measures import copy_rate, distinct_n, rouge_l, rouge_n, slot_completeness

TEXTS = st.lists(st.sampled_from(["the", "cat", "sat", "on", "mat", "a"]), max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("prediction", "reference", "one", "two", "longest"),
    [
        # Of "police killed the gunman" and "police kill the gunman", the example of Lin's section 3.1.
        ("police kill the gunman", "police killed the gunman", 3 / 4, 1 / 3, 3 / 4),
        ("the gunman kill police", "police killed the gunman", 3 / 4, 1 / 3, 1 / 2),
        ("the the the", "the cat", 2 / 5, 0.0, 2 / 5),
        ("the cat", "the cat", 1.0, 1.0, 1.0),
        ("", "the cat", 0.0, 0.0, 0.0),
        ("", "", 0.0, 0.0, 0.0),
    ],
)
def test_rouge_of_english(prediction: str, reference: str, one: float, two: float, longest: float) -> None:
    assert rouge_n(prediction, reference, "en") == pytest.approx(one)
    assert rouge_n(prediction, reference, "en", 2) == pytest.approx(two)
    assert rouge_l(prediction, reference, "en") == pytest.approx(longest)


def test_rouge_of_chinese_counts_characters() -> None:
    assert rouge_l("明天上海有雨", "明天上海有雨", "zh") == 1.0
    assert rouge_n("明天有雨", "明天上海有雨", "zh") == pytest.approx(2 * 4 / 10)
    assert rouge_l("雨有天明", "明天有雨", "zh") == pytest.approx(2 * 1 / 8)


def longest_common(one: list[str], other: list[str]) -> int:
    for size in range(len(one), -1, -1):
        for kept in itertools.combinations(one, size):
            rest = iter(other)
            if all(token in rest for token in kept):
                return size
    return 0


@given(TEXTS, TEXTS)
def test_rouge_l_is_what_brute_force_finds(prediction: str, reference: str) -> None:
    one, other = prediction.split(), reference.split()
    expected = 2 * longest_common(one, other) / (len(one) + len(other)) if one or other else 0.0
    assert rouge_l(prediction, reference, "en") == pytest.approx(expected)


@given(TEXTS, TEXTS)
def test_rouge_is_symmetric_and_in_range(prediction: str, reference: str) -> None:
    for n in (1, 2, 3):
        value = rouge_n(prediction, reference, "en", n)
        assert value == rouge_n(reference, prediction, "en", n)
        assert 0.0 <= value <= 1.0


def test_distinct_n() -> None:
    assert distinct_n(["a b a b"], "en") == pytest.approx(2 / 3)
    assert distinct_n(["a b", "a b"], "en") == 0.5
    assert distinct_n(["你好你好"], "zh", 1) == 0.5
    assert math.isnan(distinct_n(["a"], "en"))


def test_copy_rate_counts_every_word_once_for_each_time_it_was_said() -> None:
    assert copy_rate("the cat the cat", "The cat sat.", "en") == 0.5
    assert copy_rate("上海有雨", "上海", "zh") == 0.5
    assert copy_rate("", "上海", "zh") == 0.0


def test_slots_are_filled_by_any_alias_as_whole_words() -> None:
    slots = [("New York", "NYC"), ("Friday",)]
    assert slot_completeness("To nyc, on friday!", slots, "en") == 1.0
    assert slot_completeness("To New Yorkshire on Fridays", slots, "en") == 0.0
    assert slot_completeness("从上海出发", [("上海", "沪"), ("北京",)], "zh") == 0.5
    assert slot_completeness("anything", [], "en") == 1.0


def test_n_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="starts at 1"):
        rouge_n("a", "b", "en", 0)


def test_chrf_is_the_librarys() -> None:
    assert chrf("上海有雨", "上海有雨") == 1.0
    assert 0.0 < chrf("上海有雨", "北京有雨") < 1.0
    assert chrf("abc", "xyz") == 0.0
