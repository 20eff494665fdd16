"""Supervised fine-tuning on TRL: rows rendered by `agents.chat`, a loss on the agent's own tokens only."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import torch
from torch import Tensor
from torch.utils.data import Sampler
from transformers import PrinterCallback
from trl.trainer.sft_config import SFTConfig as TRLConfig
from trl.trainer.sft_trainer import SFTTrainer

from agents.algorithms.config import LRSchedule
from agents.finetune.lending import lent
from agents.finetune.metrics import MetricsLog, Progress, Reporter
from agents.finetune.order import MixedOrder, PassOrder
from agents.finetune.packing import IGNORED, PackingCollator
from agents.finetune.safe_checkpoints import CHECKPOINTS, SafeCheckpoints, newest_checkpoint, rate_schedule
from agents.finetune.tokens import tokenize
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.selection import logits_at, packed_logits_at, predictors
from agents.rows.demonstration import Demonstration
from agents.rows.mixture import MixtureConfig, RowMixture
from textenvs.errors import ConfigError

__all__ = ["SFTConfig", "SFTMetrics", "sft"]


WARMUP_SHARE = 0.05
"""Of the steps, for every schedule but low_and_slow, which has its own."""


@dataclass(frozen=True, kw_only=True)
class SFTConfig:
    """Settings of supervised fine-tuning.

    Raises:
        ConfigError: if a value is out of range.
    """

    learning_rate: float = 1e-3
    """Peak learning rate of AdamW; 1e-3 suits the embedded model, 1e-5 to 2e-4 a pretrained one."""
    epochs: float = 1.0
    """Passes over the rows."""
    batch_size: int = 32
    """Conversations per optimiser step."""
    microbatch_size: int | None = None
    """Conversations per forward and backward pass, to bound memory; batch_size, if not given."""
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
    prompt_weight: float = 0.0
    """Weight of the other tokens (prompt, world) in the loss; the agent's own have 1. A model built from nothing
    learns to copy much sooner with some; a pretrained one needs none."""
    packing: bool = False
    """Lay short conversations end to end, so that fewer tokens are padding; no loss and no gradient changes by it."""
    checkpoint_every: int = 200
    """Steps between two checkpoints of a run that has a folder."""
    bf16: bool = False
    """Multiply matrices in bfloat16 (autocast), the weights staying what they are: two to three times as fast where
    the processor has instructions for it."""
    seed: int = 0
    """Of the order of the rows, and of the share of the prompt."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("learning_rate", "epochs", "batch_size", "max_grad_norm", "checkpoint_every"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"sft {name}={getattr(self, name)!r}: must be above 0")
        if not 0 <= self.prompt_weight <= 1:
            raise ConfigError(f"sft prompt_weight={self.prompt_weight!r}: must lie between 0 and 1")
        if self.batch_size % (self.microbatch_size or self.batch_size):
            raise ConfigError(f"sft batch_size={self.batch_size} must be a multiple of microbatch_size")


class SFTMetrics(NamedTuple):
    """What supervised fine-tuning did.

    Attributes:
        loss: mean negative log-likelihood over the steps of this call, in nats; the weighted prompt is added to it, per
            token of the agent's own.
        steps: optimiser steps of the whole run.
        rows: conversations in the training set.
        tokens: of the agent's own in one pass over them.
        seconds: wall time of the training itself, in this call.
    """

    loss: float
    steps: int
    rows: int
    tokens: int
    seconds: float


def sft(
    policy: CausalLMPolicy,
    rows: Sequence[Demonstration],
    config: SFTConfig | None = None,
    progress: Progress | None = None,
    folder: Path | None = None,
    mixture: MixtureConfig | None = None,
) -> SFTMetrics:
    """Train the policy to write what the demonstrations' assistant wrote, stop tokens included.

    Dropout stays off, so that the log-probabilities are those of the policy that acts. The critic is not trained, and
    the reference stays what it was: `CausalLMPolicy.freeze_reference` moves it. The global random generators are
    left as they were.

    Args:
        policy: to be trained, in place.
        rows: conversations, in memory or in a `RowFile`; rendered by the policy's own chat renderer, as its rollouts
            are, into a table on disk.
        config: None takes the defaults.
        progress: called after every optimiser step.
        folder: of the run: metrics and checkpoints go there, and a run of the same rows and settings that was stopped
            goes on from its newest checkpoint, to the same weights.
        mixture: in what shares the rows' kinds are learned; None takes every row once per epoch.

    Raises:
        ConfigError: if there are no rows, one is longer than the model's context, or they cannot be mixed.
        CheckpointError: if the run's checkpoint is of another model.
    """
    config = config or SFTConfig()
    with tempfile.TemporaryDirectory() as scratch, lent(policy):
        table = tokenize(policy, rows, Path(scratch))
        reporters = [Reporter(progress)] if progress else []
        logs = [MetricsLog(folder, config.batch_size)] if folder else []
        trainer = _Trainer(
            config=config,
            order=_order(table, config, mixture),
            model=policy.model,
            args=_arguments(config, policy.device, folder / CHECKPOINTS if folder else None),
            train_dataset=table,
            processing_class=policy.tokenizer,
            data_collator=PackingCollator() if config.packing else None,
            callbacks=[*reporters, *logs],
        )
        trainer.remove_callback(PrinterCallback)
        output = trainer.train(newest_checkpoint(folder))
        tokens = sum(table["own_tokens"])
    policy.mark_updated()
    return SFTMetrics(output.training_loss, output.global_step, len(rows), tokens, output.metrics["train_runtime"])


def _order(table: datasets.Dataset, config: SFTConfig, mixture: MixtureConfig | None) -> Sampler[int]:
    """Return the order in which the rows are learned."""
    if mixture is None:
        return PassOrder(table["length"], config.batch_size, config.epochs, config.seed)
    mixed = RowMixture(table["kind"], config.batch_size, mixture, config.seed, config.epochs)
    return MixedOrder(mixed, table["length"])


def _arguments(config: SFTConfig, device: torch.device, checkpoints: Path | None) -> TRLConfig:
    """Return TRL's settings: its defaults for large models (bf16, checkpointing, saving, tables) switched off."""
    micro = config.microbatch_size or config.batch_size
    return TRLConfig(
        output_dir=str(checkpoints) if checkpoints else tempfile.gettempdir(),
        num_train_epochs=1,  # the order of the rows says how many passes there are
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=config.batch_size // micro,
        learning_rate=config.learning_rate,
        adam_beta2=config.adam_beta2,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        bf16=config.bf16,
        activation_checkpointing=False,
        use_cpu=device.type == "cpu",
        dataloader_pin_memory=device.type == "cuda",
        save_strategy="steps" if checkpoints else "no",
        save_steps=config.checkpoint_every,
        logging_steps=10,
        disable_tqdm=True,
        report_to="none",
        log_level="error",
        seed=config.seed,
    )


class _Trainer(SafeCheckpoints, SFTTrainer):
    """TRL's trainer with a loss of its own, in which the prompt may have a weight, and tokens without one cost nothing.

    TRL's loss runs the output layer on every token; without a GPU that is most of the time of a small model.
    """

    def __init__(self, config: SFTConfig, order: Sampler[int], **settings: Any) -> None:
        super().__init__(**settings)
        self._config = config
        self._order = order

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

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the weighted negative log-likelihood, per token of the agent's own in the whole batch."""
        ids, present, places = inputs["input_ids"], inputs["attention_mask"].bool(), inputs.get("position_ids")
        own = inputs["labels"] != IGNORED
        weight = torch.where(own, 1.0, self._config.prompt_weight * present)
        weight[:, 0] = 0.0  # nothing predicts the first token ...
        if places is not None:
            weight[places == 0] = 0.0  # ... of any conversation in the row
        learned = weight > 0
        if places is None:
            logits, _ = logits_at(model, ids, present, predictors(learned))
        else:
            logits = packed_logits_at(model, ids, places, predictors(learned))
        losses = torch.nn.functional.cross_entropy(logits.float(), ids[learned], reduction="none")
        loss = (losses * weight[learned]).sum() / (own.sum() if num_items_in_batch is None else num_items_in_batch)
        return (loss, {"logits": logits}) if return_outputs else loss
