"""Checkpoints for TRL's trainers: safetensors and JSON instead of pickles, and either whole or not there.

transformers writes the optimiser's state and the generators with ``torch.save``. A trainer with `SafeCheckpoints` mixed
in writes the trained weights and the optimiser as safetensors, the rest as JSON, and goes on to the bit where its
order of rows is a function of the seed and of counts, and nothing else draws random numbers.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import Trainer
from transformers.trainer import TRAINER_STATE_NAME

from agents.algorithms.config import LRSchedule
from agents.trainer.checkpoint import (
    NamedParameters,
    checkpoint_name,
    checkpoints,
    load_optimizer,
    newest_good,
    prune,
    save_optimizer,
    write_folder,
    write_json,
)
from agents.trainer.schedules import learning_rate
from textenvs.errors import CheckpointError

CHECKPOINTS = "checkpoints"
"""Folder of the checkpoints in a run folder."""

_WEIGHTS, _OPTIMIZER, _SCHEDULE = "weights.safetensors", "optimizer.safetensors", "schedule.json"
_KEPT = 2
_LOG = logging.getLogger(__name__)


class SafeCheckpoints(Trainer):
    """Mix it in before the trainer: ``class Mine(SafeCheckpoints, SFTTrainer)``; checkpoints go into ``output_dir``."""

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        place = Path(str(self.args.output_dir)) / checkpoint_name(self.state.global_step)
        write_folder(place, self._write)
        prune(place, _KEPT)

    def _write(self, folder: Path) -> None:
        """Write everything that training goes on from."""
        named = self._trained()
        save_file({name: weight.detach().contiguous() for name, weight in named}, folder / _WEIGHTS)
        save_optimizer(folder / _OPTIMIZER, cast(torch.optim.Optimizer, self.optimizer), named)
        write_json(folder / _SCHEDULE, cast(LambdaLR, self.lr_scheduler).state_dict())
        self.state.save_to_json(str(folder / TRAINER_STATE_NAME))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: nn.Module | None = None) -> None:
        """Read the trained weights.

        Raises:
            CheckpointError: if they cannot be read, or belong to another model.
        """
        path = Path(resume_from_checkpoint) / _WEIGHTS
        try:
            stored = load_file(path)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error
        named = dict(self._trained())
        if {name: weight.shape for name, weight in stored.items()} != {name: w.shape for name, w in named.items()}:
            raise CheckpointError(f"{path} holds other weights than those which are trained now")
        with torch.no_grad():
            for name, weight in stored.items():
                named[name].copy_(weight)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Read the optimiser's state, and how far the learning rate had come."""
        if checkpoint is None:
            return
        optimizer, schedule = cast(torch.optim.Optimizer, self.optimizer), cast(LambdaLR, self.lr_scheduler)
        load_optimizer(Path(checkpoint) / _OPTIMIZER, optimizer, self._trained())
        schedule.load_state_dict(json.loads((Path(checkpoint) / _SCHEDULE).read_text(encoding="utf-8")))
        for group, rate in zip(optimizer.param_groups, schedule.get_last_lr(), strict=True):
            group["lr"] = rate

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Do nothing: the order of the rows is a function of counts, and nothing else is drawn."""

    def _trained(self) -> NamedParameters:
        model = cast(nn.Module, self.model)
        return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]


def newest_checkpoint(folder: Path | None) -> str | None:
    """Return the newest whole checkpoint of a run folder as `Trainer.train` takes it; None to begin at the beginning.

    Damaged ones are skipped, and the log says so.
    """
    place, damage = newest_good(checkpoints(folder / CHECKPOINTS)) if folder is not None else (None, [])
    for error in damage:
        _LOG.warning("skipped a damaged checkpoint: %s", error)
    return None if place is None else str(place)


def rate_schedule(
    kind: LRSchedule, warmup_share: float | None, optimizer: torch.optim.Optimizer, steps: int
) -> LambdaLR:
    """Return torch's scheduler for one of the project's own schedules.

    Args:
        kind: see `agents.trainer.schedules.learning_rate`.
        warmup_share: of the steps; None for the shape's own.
        optimizer: whose learning rate is the peak.
        steps: of the whole run.
    """
    warmup = None if warmup_share is None else round(warmup_share * steps)
    factor: Callable[[int], float] = lambda step: learning_rate(kind, 1.0, step, steps, warmup)  # noqa: E731
    return LambdaLR(optimizer, factor)
