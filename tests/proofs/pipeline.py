"""The tiny preset run whole: SFT, DPO and PPO on all three environments at once, and what each stage adds in each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from agents.cli.pipeline import find_plan
from agents.pipeline.run import NOTES
from tests.cells import Cell, run_cell
from tests.proofs.commands import run_command
from tests.proofs.starts import FOLDER


@dataclass(frozen=True)
class PipelineProof:
    """A preset with several seeds.

    Attributes:
        name: of its cells.
        preset: the pipeline.
        seeds: that it is run with, in place of its own.
        needs: nothing.
    """

    name: str
    preset: str
    seeds: tuple[int, ...] = (0,)
    needs: Path | None = None

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        command = f"textenvs pipeline {self.preset}"
        return run_cell(self.name, seed, command, lambda: self.measure(seed, again), again=again)

    def measure(self, seed: int, anew: bool) -> Mapping[str, Any]:
        """Run the stages, or those that are left; return the success after each, the differences, and what all took."""
        folder = FOLDER / f"{self.name}-{seed}"
        if anew:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        run_command(["pipeline", str(self.plan(folder, seed)), "--out", str(folder)])
        found = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        ledger = json.loads((folder / NOTES / "ledger.json").read_text(encoding="utf-8"))
        processor = {name: entry["processor_s"] for name, entry in ledger["stages"].items()}
        return {"overviews": found["overviews"], "tables": found["tables"], "processor_s": processor}

    def plan(self, folder: Path, seed: int) -> Path:
        """Write the preset with another seed, and return the file."""
        content = yaml.safe_load(find_plan(self.preset).read_text(encoding="utf-8"))
        content["settings"]["seed"] = seed
        path = folder / f"{self.preset}.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path


PIPELINE = PipelineProof("pipeline", "tiny")
