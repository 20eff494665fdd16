"""Supervised starts that several proofs share: made once for each seed, and kept."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from agents.cli.train import TrainOptions, resolve, start
from agents.finetune import sft
from tests.conftest import ROOT

FOLDER = ROOT / "runs" / "proof"
COST = "cost.json"
"""What a start took, within its folder."""


def supervised_start(name: str, options: TrainOptions[Any]) -> Path:
    """Return the folder of a policy after the warm-up of these options, its reference frozen there.

    Args:
        name: of the folder; the seed is added.
        options: of PPO, for its critic; whose model, demonstrations and warm-up are taken.
    """
    folder = FOLDER / f"{name}-{options.settings.seed}"
    if not folder.exists():
        began = time.process_time()
        experiment = resolve(dataclasses.replace(options, out=folder), "ppo")
        policy, rows = start(options, experiment)
        if experiment.sft is not None:
            sft(policy, rows, experiment.sft)
        policy.freeze_reference()
        policy.save(folder, with_reference=True)
        (folder / COST).write_text(json.dumps({"cpu_s": round(time.process_time() - began, 1)}), encoding="utf-8")
    return folder


def cost_of(start: Path) -> float:
    """Return the processor time that a start took, in seconds."""
    return json.loads((start / COST).read_text(encoding="utf-8"))["cpu_s"]
