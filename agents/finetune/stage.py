"""What every offline stage shares: what TRL is told, the order of the rows, the schedule, the run folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils import get_total_norm
from torch.utils.data import Sampler
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import TrainOutput

from agents.finetune.metrics import MetricsLog, Progress, Reporter
from agents.finetune.safe_checkpoints import CHECKPOINTS, SafeCheckpoints, newest_checkpoint, rate_schedule
from agents.finetune.stage_config import StageConfig
from textenvs.errors import ConfigError

WARMUP_SHARE = 0.05
"""Of the steps, for every schedule but low_and_slow, which has its own."""


def trl_arguments(config: StageConfig, device: torch.device, folder: Path | None) -> dict[str, Any]:
    """Return what TRL is told: its defaults for large models (bf16, checkpointing, saving, tables) switched off.

    Args:
        config: of the stage.
        device: of the weights.
        folder: of the run, for checkpoints; None for none.
    """
    micro = config.microbatch_size or config.batch_size
    return {
        "output_dir": str(folder / CHECKPOINTS) if folder else tempfile.gettempdir(),
        "num_train_epochs": 1,  # the order of the rows says how many passes there are
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": config.batch_size // micro,
        "learning_rate": config.learning_rate,
        "adam_beta2": config.adam_beta2,
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.max_grad_norm,
        "max_length": None,
        "bf16": config.bf16,
        "activation_checkpointing": False,
        "use_cpu": device.type == "cpu",
        "dataloader_pin_memory": device.type == "cuda",
        "save_strategy": "steps" if folder else "no",
        "save_steps": config.checkpoint_every,
        "logging_steps": 10,
        "disable_tqdm": True,
        "report_to": "none",
        "log_level": "error",
        "seed": config.seed,
    }


def callbacks(config: StageConfig, progress: Progress | None, folder: Path | None) -> list[TrainerCallback]:
    """Return who is told of the progress, who writes the metrics, and who ends what has diverged."""
    reporters = [Reporter(progress)] if progress else []
    logs = [MetricsLog(folder, config.batch_size)] if folder else []
    return [*reporters, *logs, _Watch()]


class _Watch(TrainerCallback):
    """Ends a training before a gradient that is no number reaches the weights; TRL goes on, and logs no such loss."""

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **about: Any
    ) -> None:
        """Look at the gradient of the step that is about to be made."""
        gradients = [weight.grad for weight in about["model"].parameters() if weight.grad is not None]
        if not get_total_norm(gradients).isfinite():
            raise ConfigError(
                f"the training has diverged: at step {state.global_step + 1} the gradient is no finite number; give "
                f"less than learning_rate={args.learning_rate:g}"
            )


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
