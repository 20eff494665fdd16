"""Measures of a rewrite against its reference: pure functions of text, without any dependency.

Corpus BLEU and chrF are not here: `agents.evaluation` takes them from sacrebleu.
"""

from __future__ import annotations

from textenvs.rewards.measures.overlap import copy_rate, distinct_n, rouge_l, rouge_n, slot_completeness
from textenvs.rewards.measures.ranking import recall_at, reciprocal_rank
from textenvs.rewards.measures.repetition import repeated_tokens, repetition
from textenvs.rewards.measures.restoration import (
    Definition,
    RestorationF,
    corpus_restoration_f,
    restoration_f,
)
from textenvs.rewards.measures.text import Language, exact_match, fold, hidden, normalize, tokens, words

__all__ = [
    "Definition",
    "Language",
    "RestorationF",
    "copy_rate",
    "corpus_restoration_f",
    "distinct_n",
    "exact_match",
    "fold",
    "hidden",
    "normalize",
    "recall_at",
    "reciprocal_rank",
    "repeated_tokens",
    "repetition",
    "restoration_f",
    "rouge_l",
    "rouge_n",
    "slot_completeness",
    "tokens",
    "words",
]
