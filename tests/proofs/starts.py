"""Supervised starts that several proofs share: made once for each seed, and kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from agents.cli.train import TrainOptions, resolve, start
from agents.finetune import sft
from tests.conftest import ROOT

FOLDER = ROOT / "runs" / "proof"


def supervised_start(name: str, options: TrainOptions[Any]) -> Path:
    """Return the folder of a policy after the warm-up of these options, its reference frozen there.

    Args:
        name: of the folder; the seed is added.
        options: of PPO, for its critic; whose model, demonstrations and warm-up are taken.
    """
    folder = FOLDER / f"{name}-{options.settings.seed}"
    if not folder.exists():
        experiment = resolve(dataclasses.replace(options, out=folder), "ppo")
        policy, rows = start(options, experiment)
        if experiment.sft is not None:
            sft(policy, rows, experiment.sft)
        policy.freeze_reference()
        policy.save(folder, with_reference=True)
    return folder
