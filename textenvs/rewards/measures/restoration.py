"""Restoration F: how much of what the reference brought back the rewrite brought back too.

Two measures circulate under this name and differ by several points on the same output, so every function
here takes the definition by name:

- ``"run"``: Liu, Chen, Lou, Zhou and Zhang, "Incomplete Utterance Rewriting as Semantic Segmentation", EMNLP
  2020 (section 4.1 and its published code). A token is restored if the current utterance does not hold it; of each
  text the n-grams with at least one restored token count; rows whose reference restores no token are skipped.
- ``"pan"``: Pan, Bai, Wang, Zhou and Zhang, "Improving Open-Domain Dialogue Systems via Multi-Turn Incomplete
  Utterance Restoration", EMNLP 2019, as computed by SARG (Huang et al., AAAI 2021). Of each text the n-grams that
  the current utterance does not hold count; every row takes part.

Both take n-grams as sets within a row and sum the counts over rows before dividing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from textenvs.rewards.measures.text import Language, tokens

Definition = Literal["run", "pan"]
NGram = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RestorationF:
    """Precision, recall and their harmonic mean, with the counts behind them.

    Attributes:
        matched: n-grams that prediction and reference share.
        predicted: n-grams of the predictions that count.
        expected: n-grams of the references that count.
    """

    matched: int = 0
    predicted: int = 0
    expected: int = 0

    @property
    def precision(self) -> float:
        """Share of the predicted n-grams that are right; 0.0 where none was predicted."""
        return self.matched / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the expected n-grams that were predicted; 0.0 where none was expected."""
        return self.matched / self.expected if self.expected else 0.0

    @property
    def f(self) -> float:
        """Harmonic mean of precision and recall, in [0, 1]."""
        total = self.predicted + self.expected
        return 2.0 * self.matched / total if total else 0.0

    def __add__(self, other: RestorationF) -> RestorationF:
        """Sum the counts: the corpus-level score is the sum over its rows."""
        return RestorationF(
            self.matched + other.matched, self.predicted + other.predicted, self.expected + other.expected
        )


def restoration_f(
    prediction: str,
    reference: str,
    utterance: str,
    language: Language,
    n: int = 1,
    *,
    definition: Definition,
) -> RestorationF:
    """Count the restored n-grams of one row.

    Args:
        prediction: the rewrite to judge.
        reference: the rewrite that is right.
        utterance: the current utterance, before rewriting.
        language: of all three.
        n: length of the n-grams, from 1.
        definition: which of the two measures, see the module's docstring.

    Returns:
        The counts; all zero for a row that the definition skips.

    Raises:
        ValueError: if `n` is below 1 or the definition is unknown.
    """
    cut = (tokens(prediction, language), tokens(reference, language), tokens(utterance, language))
    return _row(*cut, n, definition)


def corpus_restoration_f(
    rows: Iterable[tuple[str, str, str]],
    language: Language,
    *,
    definition: Definition,
    orders: tuple[int, ...] = (1, 2, 3),
) -> dict[int, RestorationF]:
    """Compute corpus-level restoration scores.

    Args:
        rows: triples (prediction, reference, utterance).
        language: of the rows.
        definition: which of the two measures, see the module's docstring.
        orders: the lengths of n-grams.

    Returns:
        For each order the summed counts, from which precision, recall and F follow.

    Raises:
        ValueError: if an order is below 1 or the definition is unknown.
    """
    totals = {n: RestorationF() for n in orders}
    for row in rows:
        prediction, reference, utterance = (tokens(text, language) for text in row)
        for n in orders:
            totals[n] += _row(prediction, reference, utterance, n, definition)
    return totals


def _row(
    prediction: list[str], reference: list[str], utterance: list[str], n: int, definition: Definition
) -> RestorationF:
    if n < 1:
        raise ValueError(f"n is the length of n-grams and starts at 1, not {n}")
    if definition == "run":
        held = frozenset(utterance)
        if held.issuperset(reference):
            return RestorationF()
        predicted, expected = _holding_new(prediction, held, n), _holding_new(reference, held, n)
    elif definition == "pan":
        old = _ngrams(utterance, n)
        predicted, expected = _ngrams(prediction, n) - old, _ngrams(reference, n) - old
    else:
        raise ValueError(f"definition is 'run' or 'pan', not {definition!r}")
    return RestorationF(len(predicted & expected), len(predicted), len(expected))


def _ngrams(sequence: list[str], n: int) -> set[NGram]:
    return set(zip(*(sequence[i:] for i in range(n)), strict=False))


def _holding_new(sequence: list[str], held: frozenset[str], n: int) -> set[NGram]:
    return {gram for gram in _ngrams(sequence, n) if not held.issuperset(gram)}
