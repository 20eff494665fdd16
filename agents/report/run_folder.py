"""What a run left on disk, read back for the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textenvs.errors import CheckpointError, UsageError

CONFIG, METRICS, HEALTH, SAMPLES, TRANSCRIPTS, EVALUATION, REPORT = (
    "config.json",
    "metrics.jsonl",
    "health.jsonl",
    "samples.jsonl",
    "transcripts.jsonl",
    "evaluation.json",
    "report.html",
)
"""The files of a run folder; only the configuration must be there."""

CHECKPOINT = "checkpoint"
"""Folder of the trained policy in a run folder."""


@dataclass(frozen=True, slots=True)
class RunData:
    """The contents of a run folder.

    Attributes:
        name: of the folder.
        config: resolved settings, as written.
        metrics: one mapping per update, in order.
        health: one mapping per warning that was raised or cleared, in order.
        samples: one mapping per update, with a few of its episodes token by token.
        transcripts: one mapping per evaluated episode and phase.
        evaluation: comparison tables and notes.
        sides: how the two phases of the transcripts are called.
    """

    name: str
    config: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    health: Sequence[Mapping[str, Any]]
    samples: Sequence[Mapping[str, Any]]
    transcripts: Sequence[Mapping[str, Any]]
    evaluation: Mapping[str, Any]
    sides: tuple[str, str] = ("before", "after")

    @property
    def environment(self) -> str:
        """The id of the environment; "" where the settings name none."""
        env = self.config.get("env")
        return str(env.get("id", "")) if isinstance(env, Mapping) else ""


def read_run(folder: Path) -> RunData:
    """Read a run folder.

    Raises:
        UsageError: if there is no such folder, or nothing in it is a run.
        CheckpointError: if a file is not the JSON it should be; the message names file and line.
    """
    if not folder.is_dir():
        raise UsageError(f"no run folder {str(folder)!r}; give the folder that `textenvs train` or `quickstart` wrote")
    if not (folder / CONFIG).is_file():
        raise UsageError(f"{str(folder)!r} is no run folder: it has no {CONFIG}")
    return RunData(
        name=folder.resolve().name,
        config=_read_object(folder / CONFIG),
        metrics=_read_lines(folder / METRICS),
        health=_read_lines(folder / HEALTH),
        samples=_read_lines(folder / SAMPLES),
        transcripts=_read_lines(folder / TRANSCRIPTS),
        evaluation=_read_object(folder / EVALUATION) if (folder / EVALUATION).is_file() else {},
    )


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested settings as dotted names with their values as text."""
    flat: dict[str, str] = {}
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + str(name)] = str(value)
    return flat


def _read_object(path: Path) -> Mapping[str, Any]:
    return _parse(path.read_text(encoding="utf-8"), str(path))


def _read_lines(path: Path) -> list[Mapping[str, Any]]:
    """Read a JSON Lines file; a last line that a killed run left half written is dropped."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    complete = [(number, line) for number, line in enumerate(lines[:-1], start=1) if line.strip()]
    return [_parse(line, f"{path}, line {number}") for number, line in complete]


def _parse(text: str, where: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{where}: not valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{where}: expected a JSON object, found {type(value).__name__}")
    return value
