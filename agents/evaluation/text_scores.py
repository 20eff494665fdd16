"""Corpus scores of rewrites: exact match, both restoration F measures and BLEU-4, from what a policy wrote.

The references are no part of what an environment shows. They are had by playing the recorded actions again: the world
answers the same, and `TextEnv.advance` hands out each turn with its hidden truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from agents.evaluation.compare import Comparison, ComparisonRow
from agents.evaluation.results import EpisodeScore, EvaluationResult, paired_items
from agents.evaluation.statistics import FloatArray, Interval, Statistic, bootstrap_difference, bootstrap_interval
from textenvs.core import TextEnv
from textenvs.envs.rewrite.types import RewriteTruth
from textenvs.errors import UsageError
from textenvs.messages import Turn
from textenvs.rewards.measures import Definition, Language, normalize, restoration_f

BLEU_ORDER = 4
_BLEU = {language: BLEU(tokenize=kind, effective_order=True) for language, kind in (("zh", "zh"), ("en", "13a"))}


@dataclass(frozen=True, slots=True)
class TextMeasure:
    """A corpus score that is a function of counts summed over rewrites.

    Attributes:
        name: for tables.
        counts: of one rewrite: ``(answer, truth) -> K numbers``.
        statistic: the score in [0, 1] from the summed counts.
    """

    name: str
    counts: Callable[[str, RewriteTruth], Sequence[float]]
    statistic: Statistic


def text_counts(
    result: EvaluationResult, env_id: str, env_kwargs: Mapping[str, Any] | None = None, split: str = "test"
) -> dict[str, FloatArray]:
    """Return the counts [N, K] of every measure in `MEASURES`, one row per evaluated episode.

    Args:
        result: what a policy wrote on items of this environment.
        env_id: the environment that was played.
        env_kwargs: as it was played; the reward is not asked for.
        split: as it was played.

    Raises:
        UsageError: if the environment's hidden truth is no rewrite.
    """
    env = gym.make(env_id, disable_env_checker=True, **{**(env_kwargs or {}), "split": split}).unwrapped
    if not isinstance(env, TextEnv):
        raise UsageError(f"{env_id} has no references: it is not built on textenvs.TextEnv")
    rewrites = [[_rewrite(turn) for turn in replay(env, episode)] for episode in result.episodes]
    return {
        measure.name: np.array([np.sum([measure.counts(*one) for one in turns], axis=0) for turns in rewrites])
        for measure in MEASURES
    }


def replay(env: TextEnv, episode: EpisodeScore) -> list[Turn]:
    """Play an episode's recorded actions again, and return its turns with their hidden truth."""
    env.reset(options={"index": episode.index})
    return [env.advance(action) for action in episode.actions]


def score_texts(counts: Mapping[str, FloatArray]) -> dict[str, Interval]:
    """Return every measure with its bootstrap interval over episodes."""
    return {measure.name: bootstrap_interval(counts[measure.name], measure.statistic) for measure in MEASURES}


def compare_texts(
    before: EvaluationResult,
    after: EvaluationResult,
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    split: str = "test",
    title: str = "corpus scores",
) -> Comparison:
    """Compare two policies' corpus scores on the same episodes; both sides see the same resampled episodes.

    Raises:
        ValueError: if the two hold different items.
        UsageError: if the environment's hidden truth is no rewrite.
    """
    paired_items(before, after)
    first, second = (text_counts(result, env_id, env_kwargs, split) for result in (before, after))
    sides = score_texts(first), score_texts(second)
    rows = [
        ComparisonRow(
            name=measure.name,
            percent=True,
            goal=True,
            before=sides[0][measure.name],
            after=sides[1][measure.name],
            difference=bootstrap_difference(first[measure.name], second[measure.name], measure.statistic),
        )
        for measure in MEASURES
    ]
    return Comparison(title, tuple(rows))


def _rewrite(turn: Turn) -> tuple[str, RewriteTruth]:
    if not isinstance(turn.truth, RewriteTruth):
        raise UsageError("corpus scores need an environment of rewriting: this one's truth is no RewriteTruth")
    return turn.answer, turn.truth


def _exact_counts(answer: str, truth: RewriteTruth) -> tuple[float, float]:
    return float(normalize(answer, truth.language) in truth.accepted), 1.0


def _share(totals: FloatArray) -> float:
    return float(totals[0] / totals[1]) if totals[1] else float("nan")


def _restoration(n: int, definition: Definition) -> TextMeasure:
    def counts(answer: str, truth: RewriteTruth) -> tuple[float, float, float]:
        row = restoration_f(answer, truth.gold, truth.utterance, truth.language, n, definition=definition)
        return row.matched, row.predicted, row.expected

    return TextMeasure(f"restoration F{n} ({definition})", counts, _harmonic_mean)


def _harmonic_mean(totals: FloatArray) -> float:
    matched, predicted, expected = totals
    return float(2 * matched / (predicted + expected)) if predicted + expected else float("nan")


def _bleu_counts(answer: str, truth: RewriteTruth) -> list[float]:
    """Return sacrebleu's sufficient statistics of one sentence; they add up to the corpus's."""
    score = bleu_metric(truth.language).sentence_score(answer, [truth.gold])
    return [*score.counts, *score.totals, score.sys_len, score.ref_len]


def bleu_metric(language: Language) -> BLEU:
    """Return sacrebleu's BLEU-4 with the tokeniser of a language."""
    return _BLEU[language]


def _bleu(totals: FloatArray) -> float:
    correct, total = totals[:BLEU_ORDER].astype(int).tolist(), totals[BLEU_ORDER:-2].astype(int).tolist()
    return BLEU.compute_bleu(correct, total, int(totals[-2]), int(totals[-1]), smooth_method="exp").score / 100


_CHRF = CHRF()  # chrF2: characters only, recall twice as heavy as precision


def chrf(prediction: str, reference: str) -> float:
    """Return sacrebleu's sentence chrF2 in [0, 1], which needs no tokeniser and so no language."""
    return _CHRF.sentence_score(prediction, [reference]).score / 100


MEASURES: tuple[TextMeasure, ...] = (
    TextMeasure("exact match", _exact_counts, _share),
    *(_restoration(n, definition) for definition in ("run", "pan") for n in (1, 2, 3)),
    TextMeasure("BLEU-4", _bleu_counts, _bleu),
)
"""What is published about rewriting: exact match, restoration F1 to F3 as RUN and as Pan define it, BLEU-4."""
