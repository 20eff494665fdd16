"""Held-out evaluation: fixed items, figures with intervals, paired differences, and what they allow to conclude."""

from agents.evaluation.compare import Comparison, ComparisonRow, compare, compare_groups
from agents.evaluation.contrast import Contrast, contrast
from agents.evaluation.players import Sampling
from agents.evaluation.repeated import pass_at_k, pass_hat_k
from agents.evaluation.results import EpisodeScore, EvaluationResult, read_transcripts, write_transcripts
from agents.evaluation.runner import evaluate
from agents.evaluation.scorecard import Scorecard, scorecards
from agents.evaluation.statistics import Interval

__all__ = [
    "Comparison",
    "ComparisonRow",
    "Contrast",
    "EpisodeScore",
    "EvaluationResult",
    "Interval",
    "Sampling",
    "Scorecard",
    "compare",
    "compare_groups",
    "contrast",
    "evaluate",
    "pass_at_k",
    "pass_hat_k",
    "read_transcripts",
    "scorecards",
    "write_transcripts",
]
