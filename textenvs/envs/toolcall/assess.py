"""What a policy's requests say about its tool use, besides success and return: see `Report`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from textenvs.envs.toolcall.judgement import decision_made, judge_after
from textenvs.envs.toolcall.matching import invented
from textenvs.envs.toolcall.types import TurnTruth


@dataclass(frozen=True, slots=True)
class Report:
    """How a policy serves requests, each of its own; those never begun are no part of it. NaN where there was nothing.

    Attributes:
        decision_f1: macro-F1 of what was done (call, ask, answer, refuse) against what was right, in [0, 1]: the mean
            over the decisions that were right somewhere. Where several are right, the one made counts as the right one.
        arguments: mean over the requests that need calls of the share of right arguments, in [0, 1]; see `judgement`.
        hallucinated: of all arguments given, the share that the called tool does not have, in [0, 1].
    """

    decision_f1: float
    arguments: float
    hallucinated: float


def assess(episodes: Iterable[Sequence[TurnTruth]]) -> Report:
    """Sum up the episodes of a policy.

    Args:
        episodes: the truths of their turns, in order.
    """
    ends = [truth for turns in episodes for truth in turns if truth.last]
    calls = [(call, truth.schemas) for truth in ends for call in truth.after.calls]
    given = sum(len(call.arguments) for call, _ in calls)
    return Report(
        macro_f1([(_right(truth), decision_made(truth)) for truth in ends]),
        _mean([judge_after(truth).parts["arguments"] for truth in ends if truth.task.expectation.calls]),
        sum(invented(call, schemas) for call, schemas in calls) / given if given else float("nan"),
    )


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Return the mean F1 over the labels that are right somewhere; NaN without pairs.

    Args:
        pairs: the right label and the one given.
    """
    return _mean([_f1(pairs, label) for label in sorted({right for right, _ in pairs})])


def _f1(pairs: Sequence[tuple[str, str]], label: str) -> float:
    hits = sum(right == given == label for right, given in pairs)
    return 2.0 * hits / sum((right == label) + (given == label) for right, given in pairs)


def _right(truth: TurnTruth) -> str:
    accepted, made = truth.task.expectation.decisions, decision_made(truth)
    return next((one for one in accepted if one == made), accepted[0])


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else float("nan")
