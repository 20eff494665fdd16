"""Multi-reward PPO on real Chinese dialogues, before and after, on the last 1,000 rows of the corpus."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from agents.algorithms.registry import find_algorithm
from agents.cli.experiment import begin, finish, prepare_folder
from agents.cli.train import read_options, resolve, set_arithmetic
from agents.policies.causal_lm import CausalLMPolicy
from tests.cells import Cell, run_cell
from tests.conftest import ROOT
from tests.proofs.starts import FOLDER, cost_of, supervised_start

DATA = Path(os.environ.get("TEXTENVS_DATA") or ROOT.parent / "shared" / "data")
CORPUS = DATA / "rewrite" / "utterance_rewriter_zh_train.tsv"
START = "rewrite-zh-start"


@dataclass(frozen=True)
class RewriteProof:
    """``textenvs train ppo`` with its warm-up kept, so that training can be run again without it.

    Attributes:
        name: of its cells.
        arguments: after ``textenvs train ppo``; the seed is added.
        seeds: of the weights, the order of the rows and the sampling.
        needs: the corpus.
    """

    name: str
    arguments: tuple[str, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    needs: Path | None = CORPUS

    @property
    def command(self) -> str:
        """What a user types, who has the data where this project has it."""
        plain = [argument.replace(str(DATA), "../shared/data") for argument in self.arguments]
        return " ".join(["textenvs", "train", "ppo", *plain])

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        return run_cell(self.name, seed, self.command, lambda: self.measure(seed), again=again)

    def measure(self, seed: int) -> Mapping[str, Any]:
        """Train from the seed's start; return the evaluation, processor time of both halves and peak memory in MB."""
        options = read_options(find_algorithm("ppo"), [*self.arguments, "--seed", str(seed)])
        set_arithmetic(options.threads, options.matmul_precision)
        begun_from = supervised_start(START, options)
        policy = CausalLMPolicy.load(begun_from)
        experiment = resolve(replace(options, out=FOLDER / f"{self.name}-{seed}"), "ppo")
        prepare_folder(experiment.folder, overwrite=True)
        console, wall, cpu = Console(), time.perf_counter(), time.process_time()
        finish(experiment, begin(replace(experiment, sft=None), policy, (), console), console, wall)
        evaluation = json.loads((experiment.folder / "evaluation.json").read_text(encoding="utf-8"))
        return {
            **{key: evaluation[key] for key in ("facts", "tables", "baselines", "seconds")},
            "cpu_s": {"warm-up": cost_of(begun_from), "the rest": round(time.process_time() - cpu, 1)},
            "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


REWRITE_ZH = RewriteProof(
    "rewrite-zh",
    (
        *("--env.id", "MultiTurnRewrite-v0", "--env.corpus", str(CORPUS), "--init", "sft"),
        *("--config", "examples/rewrite_zh.toml"),
    ),
)
