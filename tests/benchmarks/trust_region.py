"""What a natural-gradient step costs: one update by TRPO beside one by PPO, with full weights and with LoRA adapters.

Every figure is of a process of its own, forked before any network is built, so that no peak hides another. The
processor's time with one thread is taken, of the update alone, and the memory that it needs beyond the model.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from agents import PPO, TRPO
from agents.algorithms.settings import TrustRegion
from agents.trainer.agent import Agent
from tests.benchmarks.training import Ours
from tests.benchmarks.workloads import SIZES, Workload, policy

WORK = Workload(groups=8, size=1, turns=1, prompt=48, written=16)
LORA = {"r": 8, "target_modules": "all-linear"}
MODELS = ("0.9M", "15M")


@dataclass(frozen=True)
class Entrant:
    """One way to make an update.

    Attributes:
        algorithm: with its default settings, but for these.
        settings: others.
        lora: whether an adapter is trained, or every weight.
    """

    algorithm: type[Agent]
    settings: Mapping[str, Any]
    lora: bool

    def cost(self, size: str) -> dict[str, float]:
        """Return the first update's seconds, its peak memory in MB, and how many weights are trained."""
        torch.set_num_threads(1)
        made = policy(SIZES[size], critic="head", lora=LORA if self.lora else None)
        if self.algorithm.algorithm.trust_region is not None:
            made.make_twice_differentiable()
        contender = Ours(WORK, made, algorithm=self.algorithm, **self.settings)
        before = _resident_mb()
        _, seconds = contender.step()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        trained = sum(weight.numel() for _, weight in made.trainable_parameters())
        return {"seconds": round(seconds, 2), "memory_mb": round(peak - before), "trained": trained}


ENTRANTS: Mapping[str, Entrant] = {
    f"{name}.{'lora' if lora else 'full'}": Entrant(algorithm, settings, lora)
    for name, algorithm, settings in (
        ("ppo", PPO, {}),
        ("trpo", TRPO, {}),
        ("trpo_sampled", TRPO, {"trust_region": TrustRegion(fisher_every=4)}),
    )
    for lora in (False, True)
}


def _resident_mb() -> float:
    """Return the memory that the process holds now, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def measure() -> Mapping[str, Any]:
    """Return what each entrant's update costs with each model."""
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        return {
            f"{size}.{name}": pool.apply(entrant.cost, (size,)) for size in MODELS for name, entrant in ENTRANTS.items()
        }
