"""Held-out evaluation: fixed items, figures with intervals, paired differences, and what they allow to conclude.

What plays episodes needs torch, and is imported when it is first used; the statistics are light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from agents.evaluation.compare import Comparison, ComparisonRow, compare, compare_groups
from agents.evaluation.contrast import Contrast, contrast
from agents.evaluation.repeated import pass_at_k, pass_hat_k
from agents.evaluation.results import EpisodeScore, EvaluationResult, read_transcripts, write_transcripts
from agents.evaluation.scorecard import Scorecard, scorecards
from agents.evaluation.statistics import Interval

if TYPE_CHECKING:
    from agents.evaluation.players import Sampling
    from agents.evaluation.runner import evaluate

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

_HEAVY = {"Sampling": "agents.evaluation.players", "evaluate": "agents.evaluation.runner"}


def __getattr__(name: str) -> Any:
    if name not in _HEAVY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HEAVY[name]), name)
