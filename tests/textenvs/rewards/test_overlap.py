"""Overlap measures against brute force, hand-made values and a well-kept library."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from agents.evaluation.text_scores import chrf
from textenvs.rewards.measures import copy_rate, distinct_n, rouge_l, rouge_n, slot_completeness, tokens

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


def test_rouge_l_of_long_texts_is_what_the_table_finds() -> None:
    draw = np.random.default_rng(0)
    one, other = (draw.choice(list("abcdefgh"), size=size).tolist() for size in (300, 170))
    row = [0] * (len(other) + 1)
    for token in one:
        before = row
        row = [0]
        for place, against in enumerate(other):
            row.append(before[place] + 1 if token == against else max(before[place + 1], row[-1]))
    assert rouge_l(" ".join(one), " ".join(other), "en") == pytest.approx(2 * row[-1] / 470)


@given(
    st.lists(st.sampled_from("上海明天有雨吗ab,"), max_size=12).map("".join),
    st.sampled_from(["明天上海有雨吗", "a雨b"]),
)
def test_rouge_is_what_the_library_finds_on_the_same_tokens(prediction: str, reference: str) -> None:
    class Tokens:
        def tokenize(self, text: str) -> list[str]:
            return tokens(text, "zh")

    found = RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=Tokens()).score(reference, prediction)
    own = (rouge_n(prediction, reference, "zh"), rouge_n(prediction, reference, "zh", 2))
    assert own == pytest.approx((found["rouge1"].fmeasure, found["rouge2"].fmeasure))
    assert rouge_l(prediction, reference, "zh") == pytest.approx(found["rougeL"].fmeasure)


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
