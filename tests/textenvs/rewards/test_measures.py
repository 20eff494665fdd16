"""Text measures against hand-computed tables and their own laws."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textenvs.rewards.measures import (
    Definition,
    corpus_restoration_f,
    exact_match,
    hidden,
    normalize,
    repeated_tokens,
    repetition,
    restoration_f,
    tokens,
    words,
)
from textenvs.rewards.measures.text import fold

LANGUAGES = st.sampled_from(["zh", "en"])
MIXED = st.text(alphabet="天气好吗 abA1.?!，。\u200b'n\tＡﬁé")


# Normal form and tokens


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("西安 明天，有雨吗？！", "zh", "西安明天,有雨吗"),
        ("ＩｐｈｏｎｅＸ 好不好", "zh", "iphonex好不好"),
        ("iPhone  X 多少钱。", "zh", "iphone x多少钱"),
        ("  When did\tThey  disband ?", "en", "when did they disband"),
        ("Zappa’s “band”", "en", 'zappa\'s "band"'),
        ("3.5", "en", "3.5"),
        ("?!", "en", ""),
    ],
)
def test_normalize(text: str, language: str, expected: str) -> None:
    assert normalize(text, language) == expected


@given(MIXED | st.text(), LANGUAGES)
def test_normalize_is_idempotent(text: str, language: str) -> None:
    once = normalize(text, language)
    assert normalize(once, language) == once


def test_normalize_does_not_wash_hidden_characters_away() -> None:
    assert normalize("上\u200b海", "zh") != normalize("上海", "zh")
    assert not exact_match("Paris\u200b", "Paris", "en")


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("我要iPhone 12", "zh", ["我", "要", "iphone", "12"]),
        ("25度到35度?", "zh", ["25", "度", "到", "35", "度", "?"]),
        ("Didn't Bob's e-mail $3.50?", "en", ["did", "n't", "bob", "'s", "e", "-", "mail", "$", "3.50", "?"]),
        ("You cannot, at 10:30", "en", ["you", "can", "not", ",", "at", "10:30"]),
        ("", "en", []),
    ],
)
def test_tokens(text: str, language: str, expected: list[str]) -> None:
    assert tokens(text, language) == expected


def test_words_leave_punctuation_out_but_not_signs_or_hidden_characters() -> None:
    assert words("“好”，20% \u200b——吗？", "zh") == ["好", "20", "%", "\u200b", "吗"]


@given(MIXED | st.text(), LANGUAGES)
def test_tokens_lose_nothing_but_white_space(text: str, language: str) -> None:
    cut = tokens(text, language)
    assert "".join(cut) == "".join(fold(text).split())
    assert all(cut)


@given(MIXED | st.text(), LANGUAGES)
def test_words_are_tokens(text: str, language: str) -> None:
    assert set(words(text, language)) <= set(tokens(text, language))


@pytest.mark.parametrize("char", ["\u200b", "\u200d", "\ufeff", "\u2060", "\u00ad", "\u202e", "\x00", "\U000e0041"])
def test_hidden_characters_are_found(char: str) -> None:
    assert hidden(f"上{char}海") == {char}


def test_ordinary_white_space_and_scripts_hide_nothing() -> None:
    assert hidden("Où est-ce?\n\t西安 今天😀") == frozenset()


# Restoration F: both definitions by hand

UTTERANCE = "When did they disband?"
REFERENCE = "When did Zappa and the band disband?"


@pytest.mark.parametrize("definition", ["run", "pan"])
@pytest.mark.parametrize(
    ("n", "counts"),
    [
        (1, (2, 2, 4)),  # the, band | zappa, and, the, band
        (2, (2, 3, 5)),  # did the, the band, band disband | did zappa, zappa and, and the, the band, band disband
        (3, (2, 4, 6)),  # + the band disband, band disband ? are shared
    ],
)
def test_restoration_where_the_definitions_agree(definition: Definition, n: int, counts: tuple[int, int, int]) -> None:
    score = restoration_f("When did the band disband?", REFERENCE, UTTERANCE, "en", n, definition=definition)
    assert (score.matched, score.predicted, score.expected) == counts


@pytest.mark.parametrize(
    ("definition", "n", "counts"),
    [
        ("run", 1, (0, 0, 2)),  # nothing new in the prediction; 姚, 明
        ("pan", 1, (0, 0, 2)),
        ("run", 2, (0, 0, 2)),  # only n-grams with a new token count
        ("pan", 2, (0, 1, 2)),  # 高他 was not in the utterance
    ],
)
def test_restoration_where_a_prediction_only_reorders(
    definition: Definition, n: int, counts: tuple[int, int, int]
) -> None:
    score = restoration_f("多高他", "姚明多高", "他多高", "zh", n, definition=definition)
    assert (score.matched, score.predicted, score.expected) == counts


def test_only_run_skips_rows_whose_reference_restores_nothing() -> None:
    rows = [("好天气", "好天气", "天气好"), ("他在家", "张三在家", "他在家")]
    run = corpus_restoration_f(rows, "zh", definition="run", orders=(2,))[2]
    pan = corpus_restoration_f(rows, "zh", definition="pan", orders=(2,))[2]
    assert (run.matched, run.predicted, run.expected) == (0, 0, 2)  # 张三, 三在
    assert (pan.matched, pan.predicted, pan.expected) == (1, 1, 3)  # 好天 as well
    assert (pan.precision, pan.recall, pan.f) == (1.0, 1 / 3, 0.5)


def test_corpus_score_divides_sums_and_not_means() -> None:
    rows = [("a x", "a x", "a"), ("a p q r", "a x y z", "a")]
    score = corpus_restoration_f(rows, "en", definition="run")[1]
    assert (score.matched, score.predicted, score.expected) == (1, 4, 4)
    assert score.f == 0.25


def test_repeated_ngrams_count_once() -> None:
    score = restoration_f("a x x x", "a x", "a", "en", 1, definition="run")
    assert (score.matched, score.predicted, score.expected) == (1, 1, 1)


@given(MIXED, MIXED, MIXED, LANGUAGES, st.sampled_from(["run", "pan"]), st.integers(1, 3))
def test_restoration_laws(
    prediction: str, reference: str, utterance: str, language: str, definition: Definition, n: int
) -> None:
    score = restoration_f(prediction, reference, utterance, language, n, definition=definition)
    assert 0 <= score.matched <= min(score.predicted, score.expected)
    assert 0.0 <= score.f <= 1.0
    perfect = restoration_f(reference, reference, utterance, language, n, definition=definition)
    assert perfect.f == (1.0 if perfect.expected else 0.0)
    copied = restoration_f(utterance, reference, utterance, language, n, definition=definition)
    assert copied.predicted == 0


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="'run' or 'pan'"):
        restoration_f("a", "b", "c", "en", definition="rouge")
    with pytest.raises(ValueError, match="starts at 1"):
        restoration_f("a", "b", "c", "en", 0, definition="run")


# Repetition


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abcabc", "abc"),
        ("aaa", "aa"),
        ("abcab", ""),
        ("xabab", "ab"),
        ("abcabcabc", "abcabc"),
        ("abaca", ""),
        ("", ""),
        ("abacabac", "abac"),
        ("aabb", "ab"),
    ],
)
def test_repeated_tokens(text: str, expected: str) -> None:
    assert repeated_tokens(list(text)) == list(expected)


@given(st.lists(st.integers(0, 1000).map(str), min_size=1, max_size=12, unique=True), st.integers(1, 4), st.data())
def test_any_repeated_tail_is_seen(text: list[str], times: int, data: st.DataObject) -> None:
    length = data.draw(st.integers(1, len(text)))
    assert repeated_tokens(text) == []
    assert repeated_tokens(text + text[-length:] * times) == text[-length:] * times


@given(st.text(alphabet="abc"))
def test_repetition_is_a_share(text: str) -> None:
    assert 0.0 <= repetition(" ".join(text), "en") < 1.0


def test_repetition_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        text = [str(i % 97) for i in range(size)]
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            repeated_tokens(text)
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(40_000) < 30 * seconds(4_000)  # quadratic would be 100
