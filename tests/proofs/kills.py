"""Exact resume, proved on a whole run from the command line: killed at random moments of every kind, and resumed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cells import Cell, run_cell
from tests.chaos import runs
from tests.chaos.kills import KINDS, count, differences, killed, moments, resumed
from tests.conftest import ROOT

FOLDER = ROOT / "runs" / "proof" / "kill"


@dataclass(frozen=True)
class KillProof:
    """Kills one run after another; see `tests.chaos`.

    Attributes:
        name: of its cells.
        seeds: of the moments.
        per_kind: moments of each kind.
        needs: nothing.
    """

    name: str
    seeds: tuple[int, ...]
    per_kind: int
    needs: Path | None = None

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run the cell, or return the stored one."""
        command = f"python -m tests.proofs {self.name} --seed {seed}"
        return run_cell(self.name, seed, command, lambda: measure(self.per_kind, seed), again=again)


def measure(per_kind: int, seed: int) -> Mapping[str, Any]:
    """Kill and resume a run at `per_kind` moments of each kind; return which of them ended as if nothing had been."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    whole = FOLDER / "whole"
    counts = count(runs.command, whole)
    outcomes: list[dict[str, Any]] = []
    for number, moment in enumerate(moments(counts, per_kind, seed)):
        folder = FOLDER / str(number)
        killed(runs.command, folder, moment)
        resumed(runs.command, folder)
        outcomes.append({"kind": moment.kind, "call": moment.call, "differences": differences(folder, whole)})
        print(outcomes[-1], flush=True)
    identical = {kind: sum(not o["differences"] for o in outcomes if o["kind"] == kind) for kind in KINDS}
    return {"moments": len(outcomes), "identical": identical, "calls": counts, "killed": outcomes}
