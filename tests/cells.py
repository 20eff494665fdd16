"""Measurements that last: one JSON file per cell (a proof or benchmark, and a seed), with the commit.

`make proof` and `make bench` write cells into `tests/results/`; the README's tables are made from them by
`python -m tests.tables`. A cell that is there is not run again unless asked for, so a long proof can be stopped
and resumed.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

RESULTS = ROOT / "tests" / "results"


@dataclass(frozen=True)
class Cell:
    """One measurement.

    Attributes:
        name: of the proof or benchmark.
        seed: that it was run with.
        command: that a reader can type to see it again.
        figures: what was measured.
        seconds: wall time.
        commit: of the tree that was measured, with ``+`` if it had uncommitted changes.
        machine: cores, processor, Python.
        day: ISO date.
    """

    name: str
    seed: int
    command: str
    figures: Mapping[str, Any]
    seconds: float
    commit: str
    machine: str
    day: str

    @property
    def path(self) -> Path:
        return RESULTS / f"{self.name}-{self.seed}.json"


def run_cell(
    name: str, seed: int, command: str, measure: Callable[[], Mapping[str, Any]], *, again: bool = False
) -> Cell:
    """Measure a cell and store it, or return the stored one."""
    path = RESULTS / f"{name}-{seed}.json"
    if path.exists() and not again:
        return Cell(**json.loads(path.read_text(encoding="utf-8")))
    start = time.perf_counter()
    figures = measure()
    cell = Cell(name, seed, command, figures, round(time.perf_counter() - start, 1), commit(), machine(), today())
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(cell), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return cell


def stored(name: str) -> list[Cell]:
    """Return the stored cells of one name, by seed."""
    paths = [path for path in RESULTS.glob(f"{name}-*.json") if path.stem.rpartition("-")[0] == name]
    cells = [Cell(**json.loads(path.read_text(encoding="utf-8"))) for path in paths]
    return sorted(cells, key=lambda cell: cell.seed)


def commit() -> str:
    """Return the short commit of the tree, with ``+`` where packages or examples have uncommitted changes."""
    head = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", "textenvs", "agents", "envs_registry", "examples")
    return head + ("+" if changed else "")


def machine() -> str:
    """Describe this machine in a few words."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def today() -> str:
    """Return the ISO date."""
    return date.today().isoformat()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
