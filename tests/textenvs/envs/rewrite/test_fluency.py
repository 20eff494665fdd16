"""The n-gram model: a proper distribution, calibrated, deterministic, blind to length."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from textenvs.envs.rewrite.fluency import NgramFluency, _count, _interpolate

SUBJECTS = ["the parcel", "my order", "your letter", "this train", "our hotel", "her ticket"]
VERBS = ["arrives in", "leaves for", "comes from", "was sent to", "is still in", "never reached"]
PLACES = ["paris", "the old town", "london", "a small village", "rome", "the station"]


def shuffled(parts: Sequence[str], seed: int) -> list[str]:
    return [parts[i] for i in np.random.default_rng(seed).permutation(len(parts))]


TEXTS = shuffled([f"{s} {v} {p}." for s, v, p in product(SUBJECTS, VERBS, PLACES)], 3)


@pytest.fixture(scope="module")
def model() -> NgramFluency:
    return NgramFluency.fit(TEXTS[:180], "en")


def test_real_sentences_score_high_and_shuffled_ones_low(model: NgramFluency) -> None:
    held_out = TEXTS[180:]
    shuffled_words = [" ".join(shuffled(text.split(), i)) for i, text in enumerate(held_out)]
    shuffled_chars = ["".join(shuffled(text, i)) for i, text in enumerate(held_out)]
    assert statistics.mean(map(model, held_out)) > 0.9
    assert statistics.mean(map(model, shuffled_words)) < 0.35
    assert statistics.mean(map(model, shuffled_chars)) < 0.02


def test_chinese_is_judged_by_characters() -> None:
    days, places = ["昨天", "今天", "明天"], ["去上海", "回北京", "到西安", "在家里"]
    texts = shuffled(["".join(parts) for parts in product("他她我你", days, places)], 1)
    judge = NgramFluency.fit(texts[:40], "zh")
    assert judge("我明天去上海") > 0.8
    assert judge("海去天明我上") < 0.2


def test_probabilities_sum_to_one_in_every_context(model: NgramFluency) -> None:
    vocabulary = sorted({gram[0] for gram in model._table if len(gram) == 1})

    def probability(context: tuple[str, ...], word: str) -> float:
        logp = 0.0
        for start in range(len(context) + 1):
            value = model._table.get((*context[start:], word))
            if value is not None:
                return math.exp(logp + value)
            logp += model._backoff.get(context[start:], 0.0)
        return math.exp(logp + model._floor)

    for context in [("\n", "\n"), ("the", "parcel"), ("never", "heard"), ("in", "the"), ()]:
        total = sum(probability(context, word) for word in [*vocabulary, "unseen"])
        assert total == pytest.approx(1.0)


def test_witten_bell_by_hand() -> None:
    # Nine times "a" and the end: 18 unigrams of two kinds; after the edge, and after "a", nine tokens of one kind.
    model = NgramFluency("en", *_interpolate(_count([["a"]] * 9)))
    left = 2 / (2 + 18)
    unigram = (1 - left) * 9 / 18 + left / 3
    bigram = (1 - 1 / 10) * 9 / 9 + unigram / 10
    trigram = (1 - 1 / 10) * 9 / 9 + bigram / 10
    assert model.logprob("a") == pytest.approx(math.log(trigram))


def test_length_plays_no_part(model: NgramFluency) -> None:
    by_length: dict[int, list[float]] = {}
    for text in TEXTS[180:]:
        by_length.setdefault(len(text.split()), []).append(model(text))
    means = [statistics.mean(values) for values in by_length.values() if len(values) > 3]
    assert len(means) > 2
    assert max(means) - min(means) < 0.25


def test_fitting_is_deterministic() -> None:
    first, second = NgramFluency.fit(TEXTS, "en"), NgramFluency.fit(TEXTS, "en")
    assert [first.logprob(text) for text in TEXTS] == [second.logprob(text) for text in TEXTS]


@pytest.mark.parametrize("text", ["", "?", "\u200b", "x" * 10_000, "\n\n"])
def test_any_text_has_a_fluency(model: NgramFluency, text: str) -> None:
    assert 0.0 <= model(text) <= 1.0


def test_two_texts_make_a_model_and_one_does_not() -> None:
    assert NgramFluency.fit(["one", "two"], "en")("two") == 1.0
    with pytest.raises(ValueError, match="at least two"):
        NgramFluency.fit(["one", "one!", " "], "en")
