"""Training a reward model on preference pairs, on TRL; rows are rendered by `agents.chat`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import numpy as np
import pyarrow as pa
import torch
from trl.trainer.reward_config import RewardConfig
from trl.trainer.reward_trainer import RewardTrainer

from agents.chat import ChatRenderer
from agents.finetune.calibration import Calibration, calibrate
from agents.finetune.lending import lent
from agents.finetune.metrics import Progress
from agents.finetune.order import PassOrder
from agents.finetune.preference_tokens import Refused, Row, merge_refused, render_pairs, table_of
from agents.finetune.preferences import PreferencePair, split_by_prompt
from agents.finetune.reward_model_config import RewardModelConfig
from agents.finetune.stage import StageTrainer, callbacks, trl_arguments
from agents.finetune.tables import IDS
from agents.policies.reward_model import BATCH_TOKENS, RewardSettings
from agents.policies.reward_network import RewardNetwork
from textenvs.errors import ConfigError


class RewardModelMetrics(NamedTuple):
    """What the training of a reward model did.

    Attributes:
        loss: mean over the steps of this call.
        steps: optimiser steps of the whole run.
        rows: pairs that were learned from.
        held_out: how it does on the pairs that were kept back.
        settings: for the model's folder: centre and spread are those of the scores of the pairs kept back, or of those
            learned from where none were.
        refused: where the pairs that were left out come from, by reason.
        seconds: wall time of the training itself, in this call.
    """

    loss: float
    steps: int
    rows: int
    held_out: Calibration
    settings: RewardSettings
    refused: Refused
    seconds: float


def train_reward_model(
    network: RewardNetwork,
    chat: ChatRenderer,
    pairs: Sequence[PreferencePair],
    config: RewardModelConfig | None = None,
    progress: Progress | None = None,
    folder: Path | None = None,
) -> RewardModelMetrics:
    """Train a network to score the better answer of every pair higher.

    The loss of a pair is ``-log sigmoid(r_chosen - r_rejected - margin) + centring (r_chosen + r_rejected)^2``: the
    model of Bradley and Terry (1952), with margins as in Touvron et al. 2023, "Llama 2", equation 2.

    Args:
        network: to be trained, in place.
        chat: renders the pairs, and whatever is scored later.
        pairs: in memory or in a file (`agents.finetune.preference_rows`); rendered into a table on disk, of which what
            is kept back is scored in memory. Those with the same answer twice, after truncation, are refused.
        config: None takes the defaults.
        progress: called after every optimiser step.
        folder: of the run: metrics and checkpoints go there, and a run of the same rows and settings that was stopped
            goes on from its newest checkpoint, to the same weights.

    Raises:
        ConfigError: if no pair is left to learn from.
        CheckpointError: if the run's checkpoint is of another model.
    """
    config = config or RewardModelConfig()
    context = int(network.config.get_text_config().max_position_embeddings)
    limit = min(config.max_length or context, context)
    with tempfile.TemporaryDirectory() as scratch:
        (table, refused), (measured, others) = (
            table_of(
                partial(_render, chat, limit, config.margin_scale), pairs, places, _SCHEMA, Path(scratch) / f"{n}.arrow"
            )
            for n, places in enumerate(split_by_prompt(pairs, config.held_out, config.seed))
        )
        if not table:
            raise ConfigError(f"none of {len(pairs)} pairs is left to learn from; the answers of a pair have to differ")
        model: Any = network  # no model of transformers', but all that is asked of one here
        with lent(network, chat.tokenizer):
            trainer = _Trainer(
                model=model,
                args=RewardConfig(
                    **trl_arguments(config, next(network.parameters()).device, folder),
                    center_rewards_coefficient=config.centring or None,
                ),
                train_dataset=table.remove_columns("length"),
                processing_class=chat.tokenizer,
                callbacks=callbacks(config, progress, folder),
            )
            trainer.attend(config, PassOrder(table["length"], config.batch_size, config.epochs, config.seed))
            output = trainer.run(folder)
        return RewardModelMetrics(
            output.training_loss,
            output.global_step,
            len(table),
            calibrate(*_scores(network, measured)),
            _settings(network, chat, measured or table, limit),
            merge_refused(refused, others),
            output.metrics["train_runtime"],
        )


def _settings(network: RewardNetwork, chat: ChatRenderer, table: datasets.Dataset, limit: int) -> RewardSettings:
    """Return how answers are rendered and scored later; scores are measured in the spread of those of `table`."""
    scores = np.concatenate(_scores(network, table))
    spread = max(1e-6, float(scores.std()))
    return RewardSettings(limit, float(scores.mean()), spread, chat.history, thinking=chat.thinking)


class _Trainer(StageTrainer, RewardTrainer):
    """TRL's trainer with our order of rows, our schedules and our checkpoints."""


_SCHEMA = pa.schema([("chosen_ids", IDS), ("rejected_ids", IDS), ("margin", pa.float64()), ("length", pa.int32())])


def _render(
    chat: ChatRenderer, limit: int, margin_scale: float, pairs: Sequence[PreferencePair]
) -> tuple[list[Row], Refused]:
    """Return pairs as TRL has them: each side with its prompt."""
    rows, refused = render_pairs(chat, pairs, limit)
    return [
        {
            **{side: [*row["prompt_ids"], *row[side]] for side in ("chosen_ids", "rejected_ids")},
            "margin": margin_scale * row["margin"],
            "length": row["length"],
        }
        for row in rows
    ], refused


@torch.no_grad()
def _scores(network: RewardNetwork, table: datasets.Dataset) -> tuple[list[float], list[float]]:
    """Return the scores of the better answers, and of the others."""
    chosen, rejected = (
        network.scores([*table[side]], BATCH_TOKENS) if table else [] for side in ("chosen_ids", "rejected_ids")
    )
    return chosen, rejected
