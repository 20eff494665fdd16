"""EvaluationLog: finished episodes on disk, so that an evaluation that was killed goes on where it was.

The first line says what is evaluated; every other line is an episode. Items are played in portions of fixed
boundaries and a portion is written when it is whole, so that a resumed evaluation is the uninterrupted one: no
conversation is ever decoded next to others than it would have been.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.evaluation.results import EpisodeScore, EvaluationResult
from textenvs.errors import CheckpointError, ConfigError, UsageError

MODES = ("greedy", "sampled")
"""How an evaluation's items are played; in its folder each has a file of finished episodes."""


def log_file(folder: Path, mode: str) -> Path:
    """Return the file of an evaluation's finished episodes."""
    return folder / f"{mode}.jsonl"


class EvaluationLog:
    """The file of one evaluation.

    Args:
        path: of the file; its folder is made if absent.
        facts: what is evaluated, beside what `begin` adds, such as the name of the policy; for JSON.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any] | None = None) -> None:
        self.path = path
        self._facts = dict(facts or {})
        self._whole: dict[tuple[str, int], list[EpisodeScore]] = {}

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Start the file, or read what an earlier evaluation of the same things has left in it.

        Raises:
            ConfigError: if it belongs to another evaluation; the message names what differs.
            CheckpointError: if it is damaged elsewhere than at its end.
        """
        told = json.loads(json.dumps({**self._facts, **facts}, default=repr))
        if not self.path.exists() or b"\n" not in self.path.read_bytes():  # a kill may have cut the very first line
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)
            self._write([{"evaluation": told}])
            return
        before, lines, size = _read(self.path)
        os.truncate(self.path, size)
        if before != told:
            names = sorted(name for name in {*before, *told} if before.get(name) != told.get(name))
            raise ConfigError(f"{self.path} is of another evaluation (other: {', '.join(names)}); take another folder")
        for line in lines:
            finished = self._whole.setdefault((line["episode"]["group"], line["portion"]), [])
            finished.append(EpisodeScore.from_dict(line["episode"]))

    def portion(self, group: str, number: int) -> list[EpisodeScore] | None:
        """Return a portion that is finished, or None."""
        return self._whole.get((group, number))

    def add(self, number: int, episodes: Sequence[EpisodeScore]) -> None:
        """Write a finished portion."""
        size = len(episodes)
        self._write([{"portion": number, "of": size, "episode": episode.as_dict()} for episode in episodes])

    def _write(self, records: Sequence[Mapping[str, Any]]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(record, allow_nan=False) + "\n" for record in records))
            file.flush()
            os.fsync(file.fileno())


def read_log(path: Path) -> tuple[dict[str, Any], EvaluationResult]:
    """Read an evaluation: what was evaluated, and its episodes in order.

    Args:
        path: of the file, or of the folder that holds it; of a folder's two, the greedy one.

    Raises:
        UsageError: if there is none.
        CheckpointError: if it is damaged.
    """
    places = [log_file(path, mode) for mode in MODES] if path.is_dir() else [path]
    file = next((place for place in places if place.is_file()), path)
    if not file.is_file():
        raise UsageError(f"no evaluation at {str(path)!r}; give what `textenvs eval ... --out FOLDER` wrote")
    facts, lines, _ = _read(file)
    return facts, EvaluationResult(tuple(EpisodeScore.from_dict(line["episode"]) for line in lines))


def _read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
    """Return the facts, the lines of whole portions and their length in bytes: what a kill has cut is left out."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1].splitlines(keepends=True)
    if not whole:
        raise CheckpointError(f"{path} is no evaluation: there is no whole line in it")
    try:
        first, *lines = [json.loads(line) for line in whole]
        cut = len(lines) - _whole_portions(lines)
        return first["evaluation"], lines[: len(lines) - cut], sum(map(len, whole[: len(whole) - cut]))
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is no evaluation, or damaged: {error}") from None


def _whole_portions(lines: Sequence[Mapping[str, Any]]) -> int:
    """Return how many lines there are without those of a last portion that is not whole."""
    place = 0
    while place < len(lines) and place + lines[place]["of"] <= len(lines):
        place += lines[place]["of"]
    return place
