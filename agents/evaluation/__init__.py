"""Held-out evaluation: fixed items, paired differences, intervals."""

from agents.evaluation.compare import Comparison, ComparisonRow, compare, compare_groups
from agents.evaluation.results import EpisodeScore, EvaluationResult, read_transcripts, write_transcripts
from agents.evaluation.runner import evaluate
from agents.evaluation.statistics import Interval

__all__ = [
    "Comparison",
    "ComparisonRow",
    "EpisodeScore",
    "EvaluationResult",
    "Interval",
    "compare",
    "compare_groups",
    "evaluate",
    "read_transcripts",
    "write_transcripts",
]
