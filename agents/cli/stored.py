"""Stored episodes, of an evaluation or of a training run, with what is needed to play them again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.cli.options import EnvOptions, EvalOptions, RewardOptions
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.evaluation import EvaluationResult
    from envs_registry.suites import Suite

BEFORE, AFTER = "before", "after"
"""The phases of a training run: its episodes before and after training."""


@dataclass(frozen=True)
class Stored:
    """Episodes and where they come from.

    Attributes:
        suite: what was played.
        settings: that went before the slices' own.
        result: the episodes.
    """

    suite: Suite
    settings: Mapping[str, Any]
    result: EvaluationResult


def read_stored(path: Path, phase: str = AFTER) -> Stored:
    """Read what `textenvs eval --out` or `textenvs train` wrote.

    Args:
        path: of the folder, or of an evaluation's file of episodes.
        phase: of a training run whose episodes are taken; an evaluation has none.

    Raises:
        UsageError: if there is nothing of the kind.
        CheckpointError: if a file is damaged.
    """
    from agents.evaluation.log import read_log
    from agents.report.run_folder import CONFIG
    from envs_registry.suites import Slice, Suite

    if is_run(path):
        return _read_run(path, json.loads((path / CONFIG).read_text(encoding="utf-8")), phase)
    facts, result = read_log(path)
    slices = tuple(Slice.from_dict(one) for one in facts["slices"])
    return Stored(Suite(facts["suite"], slices), facts["settings"], result)


def same_items(*paths: Path) -> tuple[EvaluationResult, ...]:
    """Read evaluations, or runs as they ended, and check that they are of the same items.

    Raises:
        UsageError: if what the items are has changed between them.
    """
    stored = [read_stored(path) for path in paths]
    items = [{one.name: one.digest for one in each.suite.slices} for each in stored]
    if changed := sorted(name for name in items[0].keys() & items[1].keys() if items[0][name] != items[1][name]):
        raise UsageError(f"the items of {', '.join(map(repr, changed))} have changed from A to B; evaluate A again")
    return tuple(each.result for each in stored)


def is_run(path: Path) -> bool:
    """Return whether a folder is a training run's that has ended."""
    from agents.report.run_folder import CONFIG, TRANSCRIPTS

    return (path / CONFIG).is_file() and (path / TRANSCRIPTS).is_file()


def _read_run(path: Path, config: Mapping[str, Any], phase: str) -> Stored:
    from agents.evaluation import read_transcripts
    from agents.report.run_folder import TRANSCRIPTS

    corpus = config["env"]["corpus"]
    env = EnvOptions(**{**config["env"], "corpus": Path(corpus) if corpus else None})
    settings = {**env.settings(), **RewardOptions(**config["reward"]).settings()}
    suite = EvalOptions(**config["eval"]).suite(env.id, settings)
    return Stored(suite, {}, read_transcripts(path / TRANSCRIPTS)[phase])
