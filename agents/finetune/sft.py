"""Supervised fine-tuning on TRL: rows rendered by `agents.chat`, a loss on the agent's own tokens only."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import datasets
import numpy as np
import torch
from torch import Tensor
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.trainer.sft_config import SFTConfig as TRLConfig
from trl.trainer.sft_trainer import SFTTrainer

from agents.finetune.demonstrations import Demonstration
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.selection import logits_at, predictors
from textenvs.errors import ConfigError

IGNORED = -100
"""The label of a token that gives no loss; PyTorch's and TRL's convention."""


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
    warmup_share: float = 0.05
    """Share of the steps over which the learning rate rises to its peak."""
    lr_schedule: str = "cosine"
    """How it falls afterwards: cosine, linear or constant."""
    adam_beta2: float = 0.98
    """Decay of AdamW's second moment; below its usual 0.999, because runs of some hundred steps forget too slowly."""
    weight_decay: float = 0.0
    """Decoupled weight decay of AdamW."""
    max_grad_norm: float = 1.0
    """The gradient's norm is clipped to this."""
    prompt_weight: float = 0.0
    """Weight of the other tokens (prompt, world) in the loss; the agent's own have 1. A model built from nothing
    learns to copy much sooner with some; a pretrained one needs none."""
    bf16: bool = False
    """Multiply matrices in bfloat16 (autocast), the weights staying what they are: two to three times as fast where
    the processor has instructions for it."""
    seed: int = 0
    """Of the order of the rows, and of the share of the prompt."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("learning_rate", "epochs", "batch_size", "max_grad_norm"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"sft {name}={getattr(self, name)!r}: must be above 0")
        if not 0 <= self.prompt_weight <= 1:
            raise ConfigError(f"sft prompt_weight={self.prompt_weight!r}: must lie between 0 and 1")
        if self.batch_size % (self.microbatch_size or self.batch_size):
            raise ConfigError(f"sft batch_size={self.batch_size} must be a multiple of microbatch_size")


class SFTMetrics(NamedTuple):
    """What supervised fine-tuning did.

    Attributes:
        loss: mean negative log-likelihood over the run, in nats; the weighted prompt is added to it, per token of
            the agent's own.
        steps: optimiser steps.
        rows: conversations in the training set.
        tokens: of the agent's own in one pass over them.
        seconds: wall time of the training itself.
    """

    loss: float
    steps: int
    rows: int
    tokens: int
    seconds: float


Progress = Callable[[int, int, float], None]
"""Called after every step with (step, all steps, mean loss of late)."""


def sft(
    policy: CausalLMPolicy,
    rows: Sequence[Demonstration],
    config: SFTConfig | None = None,
    progress: Progress | None = None,
) -> SFTMetrics:
    """Train the policy to write what the demonstrations' assistant wrote, stop tokens included.

    Dropout stays off, so that the log-probabilities are those of the policy that acts. The critic is not trained, and
    the reference stays what it was: `CausalLMPolicy.freeze_reference` moves it. The global random generators are
    left as they were.

    Args:
        policy: to be trained, in place.
        rows: conversations; rendered by the policy's own chat renderer, as its rollouts are.
        config: None takes the defaults.
        progress: called after every optimiser step.

    Raises:
        ConfigError: if there are no rows, or one is longer than the model's context.
    """
    config = config or SFTConfig()
    table = tokenize(policy, rows)
    with tempfile.TemporaryDirectory() as scratch, _borrowed(policy):
        trainer = _Trainer(
            prompt_weight=config.prompt_weight,
            model=policy.model,
            args=_arguments(config, policy.device, scratch),
            train_dataset=table,
            processing_class=policy.tokenizer,
            callbacks=[_Reporter(progress)] if progress else None,
        )
        trainer.remove_callback(PrinterCallback)
        output = trainer.train()
    policy.mark_updated()
    tokens = sum(label != IGNORED for labels in table["labels"] for label in labels)
    return SFTMetrics(output.training_loss, output.global_step, len(rows), tokens, output.metrics["train_runtime"])


def tokenize(policy: CausalLMPolicy, rows: Sequence[Demonstration]) -> datasets.Dataset:
    """Return the rows as TRL takes them: ``input_ids``, and ``labels`` that are -100 on all but the agent's tokens.

    Raises:
        ConfigError: if there are no rows, or one is longer than the model's context.
    """
    if not rows:
        raise ConfigError("supervised fine-tuning needs at least one row")
    rendered = [policy.chat.render_example(row.messages, row.tools) for row in rows]
    longest = max(range(len(rows)), key=lambda index: len(rendered[index][0]))
    length = len(rendered[longest][0])
    if length > policy.context_length:
        raise ConfigError(
            f"row {longest} has {length} tokens, more than the model's context of {policy.context_length}; "
            "leave it out, or use a model with a longer context"
        )
    labels = [np.where(mask, ids, IGNORED).tolist() for ids, mask in rendered]
    return datasets.Dataset.from_dict(
        {"input_ids": [ids for ids, _ in rendered], "labels": labels, "length": [len(ids) for ids, _ in rendered]}
    )


def _arguments(config: SFTConfig, device: torch.device, scratch: str) -> TRLConfig:
    """Return TRL's settings: its defaults for large models (bf16, checkpointing, saving, tables) switched off."""
    micro = config.microbatch_size or config.batch_size
    return TRLConfig(
        output_dir=scratch,
        num_train_epochs=config.epochs,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=config.batch_size // micro,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.lr_schedule,
        warmup_steps=config.warmup_share,
        adam_beta2=config.adam_beta2,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        train_sampling_strategy="group_by_length",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        bf16=config.bf16,
        activation_checkpointing=False,
        use_cpu=device.type == "cpu",
        dataloader_pin_memory=device.type == "cuda",
        save_strategy="no",
        logging_steps=10,
        disable_tqdm=True,
        report_to="none",
        log_level="error",
        seed=config.seed,
    )


class _Trainer(SFTTrainer):
    """TRL's trainer with a loss of its own, in which the prompt may have a weight, and tokens without one cost nothing.

    TRL's loss runs the output layer on every token; without a GPU that is most of the time of a small model.
    """

    def __init__(self, prompt_weight: float, **settings: Any) -> None:
        super().__init__(**settings)
        self._prompt_weight = prompt_weight

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the weighted negative log-likelihood, per token of the agent's own in the whole batch."""
        ids, present = inputs["input_ids"], inputs["attention_mask"].bool()
        own = inputs["labels"] != IGNORED
        weight = torch.where(own, 1.0, self._prompt_weight * present)
        weight[:, 0] = 0.0  # nothing predicts the first token
        learned = weight > 0
        logits, _ = logits_at(model, ids, present, predictors(learned))
        losses = torch.nn.functional.cross_entropy(logits.float(), ids[learned], reduction="none")
        loss = (losses * weight[learned]).sum() / (own.sum() if num_items_in_batch is None else num_items_in_batch)
        return (loss, {"logits": logits}) if return_outputs else loss


class _Reporter(TrainerCallback):
    """Passes the trainer's progress on, and nothing else."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._loss = float("nan")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Remember the latest mean loss."""
        self._loss = (logs or {}).get("loss", self._loss)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Report one optimiser step."""
        self._progress(state.global_step, state.max_steps, self._loss)


@contextlib.contextmanager
def _borrowed(policy: CausalLMPolicy) -> Iterator[None]:
    """Lend the model to TRL, and take it back as it was but for its weights.

    TRL seeds the global generators, replaces `forward` on the instance, switches training mode on and reduces
    gradients into `.grad`; none of that may reach the rollouts or the update that follow.
    """
    forwards = {module: module.__dict__.get("forward") for module in policy.model.modules()}
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - restored, not used
    try:
        with torch.random.fork_rng(), _without_dropout(policy.model):
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        for module, forward in forwards.items():
            module.__dict__.pop("forward", None)
            if forward is not None:
                module.forward = forward
        policy.model.zero_grad(set_to_none=True)
        policy.eval()


@contextlib.contextmanager
def _without_dropout(model: torch.nn.Module) -> Iterator[None]:
    """Set every dropout probability of the model to 0 for a while."""
    saved: list[tuple[torch.nn.Module, str, float]] = []
    for module in model.modules():
        name = "p" if isinstance(module, torch.nn.Dropout) else "attention_dropout"
        if isinstance(getattr(module, name, None), float):
            saved.append((module, name, getattr(module, name)))
            setattr(module, name, 0.0)
    try:
        yield
    finally:
        for module, name, value in saved:
            setattr(module, name, value)
