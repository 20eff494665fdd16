"""The configuration that a plan comes to: Accelerate's, and the run's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agents.plan.estimates import Estimate

ACCELERATE = "accelerate.yaml"
RUN = "train.json"


def accelerate_config(learners: int, per_machine: int) -> dict[str, Any]:
    """Return what ``accelerate launch --config_file`` reads for so many learners."""
    machines = -(-learners // per_machine)
    return {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "MULTI_GPU" if learners > 1 else "NO",
        "mixed_precision": "no",
        "num_machines": machines,
        "num_processes": learners,
        "machine_rank": 0,
        "main_training_function": "main",
        "rdzv_backend": "c10d" if machines > 1 else "static",
        "same_network": True,
        "use_cpu": False,
    }


def run_config(
    estimate: Estimate, model: str, env_id: str, *, lora_rank: int, episodes: int, group: int
) -> dict[str, Any]:
    """Return what ``textenvs train grpo --config`` reads."""
    settings: dict[str, Any] = {
        "model": model,
        "lora_rank": lora_rank,
        "env": {"id": env_id},
        "n_episodes_per_update": episodes,
        "group_size": group,
    }
    if estimate.placement == "apart":
        actors = estimate.players // estimate.learners  # each rank has its own
        settings["ray"] = {"actors": actors, "gpus": 1.0, "address": "auto", "staleness": 1}
        settings["importance"] = {"cap": 2.0}
    return settings


def write_plan(folder: Path, accelerate: dict[str, Any], run: dict[str, Any]) -> None:
    """Write both; JSON is YAML too, so no other library is needed for the former."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in ((ACCELERATE, accelerate), (RUN, run)):
        (folder / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
