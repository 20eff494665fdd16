"""The long proofs, all of them; the quickstart's stands here: over several seeds, through the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cells import Cell, run_cell
from tests.conftest import ROOT
from tests.proofs.choices import CHOICES
from tests.proofs.commands import run_command
from tests.proofs.contest import CONTEST
from tests.proofs.dialogue import DIALOGUE
from tests.proofs.kills import KillProof
from tests.proofs.pipeline import PIPELINE
from tests.proofs.plan import PlanProof
from tests.proofs.probes import PROBED
from tests.proofs.ray_kills import RayKills
from tests.proofs.retrieval import RETRIEVAL
from tests.proofs.reward_model import REWARD_MODEL
from tests.proofs.rewrite import REWRITE_ZH
from tests.proofs.rewrite_choices import REWRITE_CHOICES
from tests.proofs.rounds import ROUNDS
from tests.proofs.time_to_success import TimeToSuccess
from tests.proofs.toolcall import TOOLCALL

RUNS = ROOT / "runs" / "proof"


@dataclass(frozen=True)
class Proof:
    """A command that is run once per seed, and whose evaluation is kept.

    Attributes:
        name: of its cells.
        seeds: to run.
        arguments: of the `textenvs` command; the seed and the run folder are added.
        needs: nothing.
    """

    name: str
    seeds: tuple[int, ...]
    arguments: tuple[str, ...]
    needs: None = None

    def command(self, seed: int) -> list[str]:
        """Return the arguments with seed and run folder."""
        return [*self.arguments, "--seed", str(seed), "--out", str(RUNS / f"{self.name}-{seed}")]

    def shown(self) -> str:
        """Return the command as a reader would type it."""
        return " ".join(["textenvs", *self.arguments])

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        return run_cell(self.name, seed, self.shown(), lambda: measure(self.command(seed)), again=again)


def measure(arguments: list[str]) -> Mapping[str, Any]:
    """Run a command to its end; return its evaluation, its wall time and its peak memory in MB."""
    usage = run_command(arguments)
    folder = Path(arguments[arguments.index("--out") + 1])
    evaluation = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    kept = {key: evaluation[key] for key in ("facts", "tables", "baselines", "seconds")}
    return {**kept, "peak_memory_mb": round(usage.ru_maxrss / 1024)}


QUICKSTART = Proof("quickstart", (0, 1, 2, 3, 4), ("quickstart",))
EXACT_RESUME = KillProof("exact-resume", (0,), per_kind=5)
PLAN = PlanProof("plan")
RAY_KILLS = RayKills("ray-kills")
TIME_TO_SUCCESS = TimeToSuccess("time-to-success")
PROOFS = (
    QUICKSTART,
    REWRITE_ZH,
    EXACT_RESUME,
    PLAN,
    RAY_KILLS,
    TIME_TO_SUCCESS,
    *PROBED,
    *CHOICES,
    *REWRITE_CHOICES,
    *CONTEST,
    *TOOLCALL,
    *DIALOGUE,
    REWARD_MODEL,
    RETRIEVAL,
    *ROUNDS,
    PIPELINE,
)
