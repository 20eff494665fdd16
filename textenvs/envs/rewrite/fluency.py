"""How well-formed a text is, judged by a small n-gram model of the training texts.

The units are `measures.tokens`: words in English, characters in Chinese. Smoothing is interpolated Witten-Bell
(Chen and Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling", 1999, section 2.6), kept in
back-off form, so that a token costs one look-up where its n-gram was seen:

    log p(w | h) = table[h + w]                      if h + w was seen in training
                 = backoff[h] + log p(w | h[1:])     otherwise

The mean log-probability per token is *calibrated*: it is placed between what real sentences get and what the same
tokens get when they are shuffled. So length plays no part, and neither does the language's entropy.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from textenvs.rewards.measures import Language, normalize, tokens

ORDER = 3
"""Length of the longest n-gram."""

NGram = tuple[str, ...]

_EDGE = "\n"  # stands before and after a text; no token is white space
_HELD_OUT = 10  # the last tenth of the texts calibrates
_REAL, _BROKEN = 0.25, 0.5  # the quantiles of real and of shuffled texts that become 1 and 0
_LEAST_GAP = 0.5  # nats; a model that cannot tell the two apart must not turn noise into 0 or 1


class NgramFluency:
    """A calibrated n-gram model: maps a text to [0, 1]. Deterministic, and plain data inside.

    Use `fit` to make one.

    Args:
        language: of the texts.
        table: log-probability of each seen n-gram's last token, after interpolation.
        backoff: log-weight that each seen context leaves to shorter ones.
        floor: log-probability of any one token where nothing at all is known.
        low: mean log-probability per token that counts as 0.
        high: mean log-probability per token that counts as 1.
    """

    def __init__(
        self,
        language: Language,
        table: Mapping[NGram, float],
        backoff: Mapping[NGram, float],
        floor: float,
        low: float = -1.0,
        high: float = 0.0,
    ) -> None:
        self.language: Language = language
        self._table = table
        self._backoff = backoff
        self._floor = floor
        self._low = low
        self._high = high

    @classmethod
    def fit(cls, texts: Iterable[str], language: Language) -> NgramFluency:
        """Fit the model to texts and calibrate it on the last tenth of them, which it does not count.

        Args:
            texts: well-formed texts, such as the reference rewrites of a train split; at least two. Keep those of one
                dialogue together, or the calibration meets texts that the model has all but seen.
            language: of the texts.

        Returns:
            The calibrated model.

        Raises:
            ValueError: if there are fewer than two different texts that hold anything.
        """
        seen = list(dict.fromkeys(filter(None, (normalize(text, language) for text in texts))))
        if len(seen) < 2:
            raise ValueError(f"a fluency model needs at least two different texts; got {len(seen)}")
        cut = [tokens(text, language) for text in seen]
        first_held_out = len(cut) - max(1, len(cut) // _HELD_OUT)
        model = cls(language, *_interpolate(_count(cut[:first_held_out])))
        model._calibrate(cut[first_held_out:])
        return model

    def _calibrate(self, held_out: Sequence[Sequence[str]]) -> None:
        shuffler = np.random.default_rng(0)
        real = sorted(map(self._mean, held_out))
        broken = sorted(self._mean(_shuffled(text, shuffler)) for text in held_out)
        self._high = real[int(_REAL * len(real))]
        self._low = min(broken[int(_BROKEN * len(broken))], self._high - _LEAST_GAP)

    def logprob(self, text: str) -> float:
        """Return the mean natural log-probability per token, the end of the text counted as one."""
        return self._mean(tokens(normalize(text, self.language), self.language))

    def _mean(self, text: Sequence[str]) -> float:
        padded = _pad(text)
        total = 0.0
        for end in range(ORDER, len(padded) + 1):
            for start in range(end - ORDER, end):
                value = self._table.get(padded[start:end])
                if value is not None:
                    total += value
                    break
                total += self._backoff.get(padded[start : end - 1], 0.0)
            else:
                total += self._floor
        return total / (len(text) + 1)

    def __call__(self, text: str) -> float:
        """Return the fluency: about 1 for a real sentence, about 0 for one in shuffled order."""
        return min(1.0, max(0.0, (self.logprob(text) - self._low) / (self._high - self._low)))


def _shuffled(text: Sequence[str], shuffler: np.random.Generator) -> list[str]:
    order: list[int] = shuffler.permutation(len(text)).tolist()
    return [text[i] for i in order]


def _pad(text: Sequence[str]) -> NGram:
    return (*(_EDGE,) * (ORDER - 1), *text, _EDGE)


def _count(texts: Iterable[Sequence[str]]) -> list[Counter[NGram]]:
    """Count the n-grams of every length up to ORDER; the padding is a context but never predicted."""
    counts: list[Counter[NGram]] = [Counter() for _ in range(ORDER)]
    for text in texts:
        padded = _pad(text)
        for n, count in enumerate(counts, 1):
            count.update(padded[end - n : end] for end in range(ORDER, len(padded) + 1))
    return counts


def _interpolate(counts: Sequence[Counter[NGram]]) -> tuple[dict[NGram, float], dict[NGram, float], float]:
    """Turn counts by length into interpolated log-probabilities, back-off weights and the floor."""
    # What unigrams leave over is shared evenly by every known token and one unknown.
    uniform = 1.0 / (len(counts[0]) + 1)
    probability: dict[NGram, float] = {}
    backoff: dict[NGram, float] = {}
    for count in counts:
        left, totals = _left_over(count)
        backoff.update((context, math.log(weight)) for context, weight in left.items())
        for gram, times in count.items():
            context = gram[:-1]
            shorter = probability[gram[1:]] if context else uniform
            probability[gram] = (1.0 - left[context]) * times / totals[context] + left[context] * shorter
    return {gram: math.log(p) for gram, p in probability.items()}, backoff, math.log(uniform)


def _left_over(count: Counter[NGram]) -> tuple[dict[NGram, float], Counter[NGram]]:
    """Return what each context leaves to shorter ones (Witten-Bell: kinds / (kinds + tokens)), and its total."""
    totals: Counter[NGram] = Counter()
    kinds: Counter[NGram] = Counter()
    for gram, times in count.items():
        totals[gram[:-1]] += times
        kinds[gram[:-1]] += 1
    return {context: kinds[context] / (kinds[context] + total) for context, total in totals.items()}, totals
