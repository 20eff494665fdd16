"""Measures of a rewrite against its reference: pure functions of text, without any dependency.

Corpus BLEU is not here: `agents.evaluation` takes it from sacrebleu.
"""

from __future__ import annotations

from textenvs.rewards.measures.repetition import repeated_tokens, repetition
from textenvs.rewards.measures.restoration import (
    Definition,
    RestorationF,
    corpus_restoration_f,
    restoration_f,
)
from textenvs.rewards.measures.text import Language, exact_match, hidden, normalize, tokens, words

__all__ = [
    "Definition",
    "Language",
    "RestorationF",
    "corpus_restoration_f",
    "exact_match",
    "hidden",
    "normalize",
    "repeated_tokens",
    "repetition",
    "restoration_f",
    "tokens",
    "words",
]
