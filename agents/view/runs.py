"""The runs below a folder: which there are, how far each is, and whether it has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.report.run_folder import CONFIG, EVALUATION, HEALTH, METRICS, SAMPLES, TRANSCRIPTS, read_run
from textenvs.errors import TextEnvsError, UsageError

FILES = (CONFIG, METRICS, HEALTH, SAMPLES, TRANSCRIPTS, EVALUATION)
"""What a report is made from."""
DEPTH = 3
"""Folders deep that runs are looked for."""


@dataclass(frozen=True)
class Overview:
    """A run in one line.

    Attributes:
        name: path below the folder that is viewed.
        changed: when a file of it was last written, in seconds since 1970.
        finished: whether its last evaluation is there.
        environment: its id.
        algorithm: its name.
        updates: made so far.
        success: of the latest update; None where it is not known.
        episode_return: likewise.
        warnings: in force.
        problem: why it cannot be read; "" where it can.
    """

    name: str
    changed: float
    finished: bool = False
    environment: str = ""
    algorithm: str = ""
    updates: int = 0
    success: float | None = None
    episode_return: float | None = None
    warnings: tuple[str, ...] = ()
    problem: str = ""


def find_runs(root: Path) -> dict[str, Path]:
    """Return the run folders at and below `root` by name; a link that leads out of it is not followed.

    Only these names are ever served, so no request can reach another file.

    Raises:
        UsageError: if there is no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"no folder {str(root)!r}; give the one that holds your runs, such as runs/")
    found = _below(root, root, DEPTH)
    return {folder.relative_to(root).as_posix() if folder != root else root.resolve().name: folder for folder in found}


def version(folder: Path) -> str:
    """Return a text that changes whenever a file of the run does."""
    stats = [(folder / name).stat() for name in FILES if (folder / name).is_file()]
    return "-".join(f"{stat.st_mtime_ns:x}.{stat.st_size:x}" for stat in stats)


def overview(name: str, folder: Path) -> Overview:
    """Return a run in one line; what cannot be read says why."""
    changed = max((folder / file).stat().st_mtime for file in FILES if (folder / file).is_file())
    try:
        run = read_run(folder)
    except TextEnvsError as error:
        return Overview(name, changed, problem=str(error))
    last = run.metrics[-1] if run.metrics else {}
    return Overview(
        name,
        changed,
        finished=bool(run.evaluation),
        environment=run.environment,
        algorithm=str(run.config.get("algorithm", "")),
        updates=len(run.metrics),
        success=last.get("success"),
        episode_return=last.get("episode_return"),
        warnings=_in_force(run.health),
    )


def _below(folder: Path, root: Path, depth: int) -> Iterator[Path]:
    """Yield run folders; there are no runs inside a run, whose checkpoints have a file of the same name."""
    if (folder / CONFIG).is_file():
        yield folder
    elif depth:
        for child in sorted(folder.iterdir()):
            if child.is_dir() and child.resolve().is_relative_to(root.resolve()):
                yield from _below(child, root, depth - 1)


def _in_force(health: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    state = {str(event["warning"]): bool(event["raised"]) for event in health}
    return tuple(name for name, raised in state.items() if raised)
