"""Fingerprints: what a stage was made from, and what it made, each as one hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from agents.pipeline.plan import REFERENCE, Stage
from textenvs import __version__

OUTPUTS = ("checkpoint", "best", "rows.jsonl", "greedy.jsonl", "sampled.jsonl")
"""What stages hand on, in their folders; all else there is for people, or for the stage itself."""

_NAMED = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*):[A-Za-z_]")
"""What begins as ``package.module:name`` does."""

_UNREAD = ("README.md",)
"""A model card, which people may edit."""


def fingerprint(stage: Stage, upstream: Mapping[str, str]) -> str:
    """Return a hash of all that a stage depends on: its command, settings, input files and what others hand on to it.

    Args:
        stage: whose references are hashed by what stands behind them, so that a pipeline may move.
        upstream: `outputs` of every stage that it needs, by name.
    """
    files = {value: sha256(Path(value)) for value in sorted(set(_files(stage.settings)))}
    needed = {name: upstream[name] for name in stage.needs}
    facts = [__version__, stage.command, dict(stage.settings), dict(stage.depends), files, needed]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def outputs(folder: Path) -> str:
    """Return a hash of what a stage hands on: equal only if every file of it is."""
    total = hashlib.sha256()
    for name in OUTPUTS:
        place = folder / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and path.name not in _UNREAD:
                total.update(f"{path.relative_to(folder).as_posix()}\0{sha256(path)}\n".encode())
    return total.hexdigest()


def sha256(path: Path) -> str:
    """Return a file's SHA-256 sum."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(value: Any) -> Iterator[str]:
    """Yield the settings that name files which are there; a path into another stage is hashed with that stage.

    A module of the working directory, such as that of a reward of one's own, is such a file too.
    """
    if isinstance(value, Mapping):
        for name, entry in cast("Mapping[str, Any]", value).items():
            yield from _module(name)
            yield from _files(entry)
    elif isinstance(value, list):
        for entry in cast("list[Any]", value):
            yield from _files(entry)
    elif isinstance(value, str) and not REFERENCE.search(value):
        yield from _module(value)
        place = Path(value)
        if _is_file(place):
            yield value
        elif place.is_dir():
            yield from (str(path) for path in sorted(place.rglob("*")) if path.is_file())


def _module(name: str) -> Iterator[str]:
    if found := _NAMED.match(name):
        place = Path(*found[1].split(".")).with_suffix(".py")
        if _is_file(place):
            yield str(place)


def _is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except OSError:  # a long text is no path
        return False
