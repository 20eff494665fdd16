"""Supervised fine-tuning on TRL: rows rendered by `agents.chat`, a loss on the agent's own tokens only."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from trl.trainer.sft_config import SFTConfig as TRLConfig
from trl.trainer.sft_trainer import SFTTrainer

from agents.finetune.lending import lent
from agents.finetune.metrics import Progress
from agents.finetune.order import order_of
from agents.finetune.packing import IGNORED, PackingCollator
from agents.finetune.stage import StageTrainer, callbacks, trl_arguments
from agents.finetune.stage_config import StageConfig
from agents.finetune.tokens import tokenize
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.selection import logits_at, packed_logits_at, predictors
from agents.rows.demonstration import Demonstration
from agents.rows.mixture import MixtureConfig
from textenvs.errors import ConfigError

__all__ = ["SFTConfig", "SFTMetrics", "sft"]


@dataclass(frozen=True, kw_only=True)
class SFTConfig(StageConfig):
    """Settings of supervised fine-tuning, beside those that every stage has.

    Raises:
        ConfigError: if a value is out of range.
    """

    stage = "sft"

    prompt_weight: float = 0.0
    """Weight of the other tokens (prompt, world) in the loss; the agent's own have 1. A model built from nothing
    learns to copy much sooner with some; a pretrained one needs none."""
    packing: bool = False
    """Lay short conversations end to end, so that fewer tokens are padding; no loss and no gradient changes by it."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        if not 0 <= self.prompt_weight <= 1:
            raise ConfigError(f"sft prompt_weight={self.prompt_weight!r}: must lie between 0 and 1")


class SFTMetrics(NamedTuple):
    """What supervised fine-tuning did.

    Attributes:
        loss: negative log-likelihood per token of the agent's own, in nats, over the steps of this call; the weighted
            prompt is added to it.
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

    Every token of the agent's own has the same weight, whatever batch it is in: a step's loss is the sum over its
    tokens, divided by how many a step has on average (one constant for a whole run, as in listing 1 of Liu et al.
    2025, "Understanding R1-Zero-Like Training"). Divided by its own tokens, as is usual, a batch of short answers would
    count as much as one of long ones, and rows are batched by length.

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
    with tempfile.TemporaryDirectory() as scratch, lent(policy.model, policy.tokenizer):
        table = tokenize(policy, rows, Path(scratch))
        order = order_of(table["length"], table["kind"], config, mixture)
        own = np.array(table["own_tokens"])
        trainer = _Trainer(
            prompt_weight=config.prompt_weight,
            tokens_per_step=config.batch_size * float(own[list(order)].mean()),
            model=policy.model,
            args=TRLConfig(
                **trl_arguments(config, policy.device, folder), dataset_kwargs={"skip_prepare_dataset": True}
            ),
            train_dataset=table,
            processing_class=policy.tokenizer,
            data_collator=PackingCollator() if config.packing else None,
            callbacks=callbacks(config, progress, folder),
        )
        trainer.attend(config, order)
        output = trainer.run(folder)
    policy.mark_updated()
    seconds = output.metrics["train_runtime"]
    return SFTMetrics(output.training_loss, output.global_step, len(rows), int(own.sum()), seconds)


class _Trainer(StageTrainer, SFTTrainer):
    """TRL's trainer with a loss of its own, in which the prompt may have a weight, and tokens without one cost nothing.

    What divides is the same in every step (see `sft`), so that micro-batches need not be counted. TRL's loss runs the
    output layer on every token; without a GPU that is most of the time of a small model.
    """

    loss_is_scaled_for_ga = True  # a micro-batch's share is a share of the whole step's loss already

    def __init__(self, prompt_weight: float, tokens_per_step: float, **settings: Any) -> None:
        super().__init__(**settings)
        self._prompt_weight = prompt_weight
        self._tokens_per_step = tokens_per_step

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the weighted negative log-likelihood, per token of the agent's own in a step of average length."""
        ids, present, places = inputs["input_ids"], inputs["attention_mask"].bool(), inputs.get("position_ids")
        own = inputs["labels"] != IGNORED
        weight = torch.where(own, 1.0, self._prompt_weight * present)
        weight[:, 0] = 0.0  # nothing predicts the first token ...
        if places is not None:
            weight[places == 0] = 0.0  # ... of any conversation in the row
        learned = weight > 0
        if places is None:
            logits, _ = logits_at(model, ids, present, predictors(learned))
        else:
            logits = packed_logits_at(model, ids, places, predictors(learned))
        losses = torch.nn.functional.cross_entropy(logits.float(), ids[learned], reduction="none")
        loss = (losses * weight[learned]).sum() / self._tokens_per_step
        return (loss, {"logits": logits}) if return_outputs else loss
