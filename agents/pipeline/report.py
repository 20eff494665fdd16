"""What the stages of a pipeline are worth: each measured on the same suites, and each against the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from agents.evaluation import Comparison, EvaluationResult, Interval
from agents.evaluation.compare import compare_groups
from agents.evaluation.log import read_log
from agents.pipeline.plan import EVAL, Plan
from agents.pipeline.run import Ledger


@dataclass(frozen=True)
class StageScores:
    """What was found.

    Attributes:
        facts: about the whole, for the page's head.
        overviews: by suite or environment, the success of every stage, over all items and over each family.
        tables: the last stage against the first, and each against the one before it; paired by item.
    """

    facts: Mapping[str, str]
    overviews: Mapping[str, Mapping[str, Mapping[str, Interval]]]
    tables: Sequence[Comparison]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as the report page reads it."""
        overviews = {
            f"success on {suite}": {
                stage: {name: interval.as_dict() for name, interval in row.items()} for stage, row in scores.items()
            }
            for suite, scores in self.overviews.items()
        }
        notes = ["95 % intervals. Differences are paired: all stages played the same items."]
        tables = [table.as_dict() for table in self.tables]
        return {"facts": dict(self.facts), "overviews": overviews, "tables": tables, "notes": notes}


def measure_stages(plan: Plan, folder: Path) -> StageScores:
    """Read the evaluations of a pipeline that has run.

    Args:
        plan: with its evaluations.
        folder: of the pipeline.
    """
    results: dict[str, dict[str, EvaluationResult]] = {}
    for stage in plan.stages:
        if stage.measures_on:
            _, result = read_log(folder / stage.name)
            results.setdefault(stage.measures_on, {})[stage.needs[0]] = result
    return StageScores(
        {
            "stages": " → ".join(stage.name for stage in plan.stages if stage.command != EVAL),
            "processor minutes": ", ".join(f"{name} {minutes:.1f}" for name, minutes in _minutes(plan, folder).items()),
        },
        {place: {name: _successes(result) for name, result in by_stage.items()} for place, by_stage in results.items()},
        [table for place, by_stage in results.items() for table in _tables(place, by_stage)],
    )


def _minutes(plan: Plan, folder: Path) -> dict[str, float]:
    """Return the processor time of every stage that has run, in minutes."""
    ledger = Ledger(folder)
    entries = {stage.name: ledger.get(stage.name) for stage in plan.stages}
    return {name: entry.processor_s / 60 for name, entry in entries.items() if entry is not None}


def _successes(result: EvaluationResult) -> dict[str, Interval]:
    """Return the success over all items, and over those of each family where there are several."""
    families = dict.fromkeys(group.split("-")[0] for group in result.groups)
    parts = {"all": result}
    if len(families) > 1:
        parts |= {family: _family(result, family) for family in families}
    return {name: part.summary()["success"] for name, part in parts.items()}


def _family(result: EvaluationResult, family: str) -> EvaluationResult:
    return EvaluationResult.merge(result.only(group) for group in result.groups if group.split("-")[0] == family)


def _tables(place: str, by_stage: Mapping[str, EvaluationResult]) -> list[Comparison]:
    names = list(by_stage)
    pairs = [*([(names[0], names[-1])] if len(names) > 2 else []), *pairwise(names)]
    return [
        table
        for first, second in pairs
        for table in compare_groups(by_stage[first], by_stage[second], f"{place}: {first} → {second}")
    ]
