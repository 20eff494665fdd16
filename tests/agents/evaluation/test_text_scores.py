"""Corpus scores against sacrebleu's own corpus score and the measures' own sums."""

from __future__ import annotations

import gymnasium as gym
import pytest
import sacrebleu

from agents.evaluation import evaluate
from agents.evaluation.runner import Act
from agents.evaluation.text_scores import MEASURES, compare_texts, score_texts, text_counts
from tests.agents.evaluation.conftest import ECHO
from textenvs.core import Observation
from textenvs.envs.rewrite.oracle import last_utterance
from textenvs.errors import UsageError
from textenvs.rewards.measures import Language, corpus_restoration_f

REWRITE = "MultiTurnRewrite-v0"


def half(observation: Observation) -> str:
    """The last utterance without its last character: wrong, but near."""
    return last_utterance(observation)[:-1]


def rewrites(subject: str | Act, language: Language) -> tuple[dict[str, float], list[tuple[str, str, str]]]:
    """Scores, and the triples (answer, gold, utterance) collected independently of them."""
    settings = {"language": language, "difficulty": "easy"}
    result = evaluate(subject, REWRITE, env_kwargs=settings, episodes=20)
    env = gym.make(REWRITE, split="test", disable_env_checker=True, **settings).unwrapped
    rows = []
    for episode in result.episodes:
        env.reset(options={"index": episode.index})
        for action in episode.actions:
            truth = env.advance(action).truth  # type: ignore[attr-defined]
            rows.append((action.strip(), truth.gold, truth.utterance))
    scores = score_texts(text_counts(result, REWRITE, settings))
    return {name: interval.estimate for name, interval in scores.items()}, rows


@pytest.mark.parametrize("language", ["zh", "en"])
def test_scores_equal_the_libraries_on_the_whole_corpus(language: Language) -> None:
    scores, rows = rewrites(half, language)
    answers, golds = [row[0] for row in rows], [row[1] for row in rows]
    bleu = sacrebleu.corpus_bleu(answers, [golds], tokenize={"zh": "zh", "en": "13a"}[language]).score
    assert scores["BLEU-4"] == pytest.approx(bleu / 100)
    assert 0.05 < scores["BLEU-4"] < 0.98
    for definition in ("run", "pan"):
        sums = corpus_restoration_f(rows, language, definition=definition)
        for n in (1, 2, 3):
            assert scores[f"restoration F{n} ({definition})"] == pytest.approx(sums[n].f)


def test_the_oracle_is_perfect_and_copying_restores_nothing() -> None:
    oracle, _ = rewrites("oracle", "zh")
    copied, rows = rewrites("copy", "zh")
    assert {name for name, value in oracle.items() if value != pytest.approx(1.0)} == set()
    assert copied["restoration F1 (run)"] == 0.0
    assert copied["exact match"] == pytest.approx(sum(a == gold for a, gold, _ in rows) / len(rows), abs=0.05)


def test_the_comparison_has_every_measure() -> None:
    settings = {"language": "en", "difficulty": "easy"}
    before, after = (evaluate(s, REWRITE, env_kwargs=settings, episodes=12) for s in ("copy", "oracle"))
    table = compare_texts(before, after, REWRITE, settings)
    assert [row.name for row in table.rows] == [measure.name for measure in MEASURES]
    assert all(row.difference.clear_of_zero for row in table.rows)


def test_an_environment_without_references_is_refused() -> None:
    with pytest.raises(UsageError, match="no RewriteTruth"):
        text_counts(evaluate("oracle", ECHO, episodes=1), ECHO)
