"""A candidate policy as a file: the probabilities that it gives to the answers that were shown."""

from __future__ import annotations

import json
from pathlib import Path

from agents.feedback.events import Impression
from agents.feedback.off_policy import Target
from textenvs.corpus_file import Problem, find_file, numbered_lines, read_text, refuse
from textenvs.errors import ConfigError


def read_target(path: Path) -> Target:
    """Read JSON lines ``{"impression_id": ..., "probabilities": [...]}``, one value for each candidate shown.

    Raises:
        CorpusError: if there is no such file, or lines are malformed; the first are named.
    """
    file = find_file(path)
    chances: dict[str, list[float]] = {}
    problems: list[Problem] = []
    for number, line in numbered_lines(read_text(file)):
        try:
            row = json.loads(line)
            chances[str(row["impression_id"])] = [float(value) for value in row["probabilities"]]
        except (ValueError, KeyError, TypeError) as error:
            problems.append(Problem(number, f"expected impression_id and probabilities: {error!r}"))
    refuse(problems, file, "target")

    def target(impression: Impression) -> list[float]:
        if impression.id not in chances:
            raise ConfigError(f"{file} has no probabilities for impression {impression.id!r}")
        return chances[impression.id]

    return target
