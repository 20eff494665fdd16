"""What every offline stage shares: the optimiser's settings, the order of the rows, the schedule, the run folder."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch.utils.data import Sampler
from transformers import PrinterCallback, TrainerCallback
from transformers.trainer_utils import TrainOutput

from agents.algorithms.config import LRSchedule
from agents.finetune.metrics import MetricsLog, Progress, Reporter
from agents.finetune.safe_checkpoints import CHECKPOINTS, SafeCheckpoints, newest_checkpoint, rate_schedule
from textenvs.errors import ConfigError

WARMUP_SHARE = 0.05
"""Of the steps, for every schedule but low_and_slow, which has its own."""


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """Settings that every stage has.

    Raises:
        ConfigError: if a value is out of range.
    """

    stage: ClassVar[str]
    """Name of the stage in errors."""

    learning_rate: float = 1e-3
    """Peak learning rate of AdamW; 1e-3 suits the embedded model, 1e-5 to 2e-4 a pretrained one."""
    epochs: float = 1.0
    """Passes over the rows."""
    batch_size: int = 32
    """Rows per optimiser step."""
    microbatch_size: int | None = None
    """Rows per forward and backward pass, to bound memory; batch_size, if not given."""
    warmup_share: float | None = None
    """Share of the steps over which the learning rate rises to its peak; a twentieth, or a fifth of low_and_slow's."""
    lr_schedule: LRSchedule = "cosine"
    """How it falls afterwards: cosine, linear, constant, or low_and_slow (agents/trainer/schedules.py)."""
    adam_beta2: float = 0.98
    """Decay of AdamW's second moment; below its usual 0.999, because runs of some hundred steps forget too slowly."""
    weight_decay: float = 0.0
    """Decoupled weight decay of AdamW."""
    max_grad_norm: float = 1.0
    """The gradient's norm is clipped to this."""
    checkpoint_every: int = 200
    """Steps between two checkpoints of a run that has a folder."""
    bf16: bool = False
    """Multiply matrices in bfloat16 (autocast), the weights staying what they are: two to three times as fast where
    the processor has instructions for it."""
    seed: int = 0
    """Of the order of the rows, and of whatever else a stage draws."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        self.refuse_unless_positive("learning_rate", "epochs", "batch_size", "max_grad_norm", "checkpoint_every")
        if self.batch_size % (self.microbatch_size or self.batch_size):
            raise ConfigError(f"{self.stage} batch_size={self.batch_size} must be a multiple of microbatch_size")

    def refuse_unless_positive(self, *names: str) -> None:
        """Raise for a setting that is not above 0."""
        for name in names:
            if not getattr(self, name) > 0:
                raise ConfigError(f"{self.stage} {name}={getattr(self, name)!r}: must be above 0")

    def arguments(self, device: torch.device, folder: Path | None) -> dict[str, Any]:
        """Return what TRL is told: its defaults for large models (bf16, checkpointing, saving, tables) switched off.

        Args:
            device: of the weights.
            folder: of the run, for checkpoints; None for none.
        """
        micro = self.microbatch_size or self.batch_size
        return {
            "output_dir": str(folder / CHECKPOINTS) if folder else tempfile.gettempdir(),
            "num_train_epochs": 1,  # the order of the rows says how many passes there are
            "per_device_train_batch_size": micro,
            "gradient_accumulation_steps": self.batch_size // micro,
            "learning_rate": self.learning_rate,
            "adam_beta2": self.adam_beta2,
            "weight_decay": self.weight_decay,
            "max_grad_norm": self.max_grad_norm,
            "max_length": None,
            "bf16": self.bf16,
            "activation_checkpointing": False,
            "use_cpu": device.type == "cpu",
            "dataloader_pin_memory": device.type == "cuda",
            "save_strategy": "steps" if folder else "no",
            "save_steps": self.checkpoint_every,
            "logging_steps": 10,
            "disable_tqdm": True,
            "report_to": "none",
            "log_level": "error",
            "seed": self.seed,
        }

    def callbacks(self, progress: Progress | None, folder: Path | None) -> list[TrainerCallback]:
        """Return who is told of the progress, and who writes the metrics."""
        reporters = [Reporter(progress)] if progress else []
        logs = [MetricsLog(folder, self.batch_size)] if folder else []
        return [*reporters, *logs]


class StageTrainer(SafeCheckpoints):
    """Mix it in before TRL's trainer, and call `attend` before training: it brings the order and the schedule."""

    def attend(self, config: StageConfig, order: Sampler[int]) -> None:
        """Take the settings and the order of the rows."""
        self._config = config
        self._order = order
        self.remove_callback(PrinterCallback)

    def run(self, folder: Path | None) -> TrainOutput:
        """Train, from the newest checkpoint of the run's folder if there is one.

        Raises:
            CheckpointError: if the checkpoint is of another model.
        """
        return self.train(newest_checkpoint(folder))

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self._order

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Return one of the project's own schedules."""
        config, share = self._config, self._config.warmup_share
        if share is None and config.lr_schedule != "low_and_slow":
            share = WARMUP_SHARE
        chosen: Any = optimizer or self.optimizer
        self.lr_scheduler = rate_schedule(config.lr_schedule, share, chosen, num_training_steps)
        self._created_lr_scheduler = True
        return self.lr_scheduler
