"""Preference training on TRL: DPO and its variants on pairs, KTO on single answers with a thumb up or down.

Rows are rendered by `agents.chat`, as every other stage's are; TRL's own rendering is switched off.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import datasets
import numpy as np
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference, KTOTrainer

from agents.chat import ChatRenderer
from agents.finetune.implicit_reward import implicit_rewards
from agents.finetune.lending import lent
from agents.finetune.metrics import Progress
from agents.finetune.order import order_of
from agents.finetune.preference_config import PreferenceConfig
from agents.finetune.preference_tokens import (
    LABELS,
    PAIRS,
    Refused,
    Row,
    merge_refused,
    render_labels,
    render_pairs,
    table_of,
)
from agents.finetune.preferences import LabelledAnswer, PreferencePair, split_by_prompt
from agents.finetune.stage import StageTrainer, callbacks, trl_arguments
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.critic import copy_trained
from agents.rows.mixture import MixtureConfig
from textenvs.errors import ConfigError

T = TypeVar("T")


class PreferenceMetrics(NamedTuple):
    """What preference training did.

    Attributes:
        loss: mean over the steps of this call.
        steps: optimiser steps of the whole run.
        rows: that were learned from.
        held_out: on the rows kept back, how many ``rows`` there are; ``margin``, the mean implicit reward of good
            answers minus that of bad ones; of pairs also ``accuracy``, the share in which the better answer has more of
            it. Empty where nothing was kept back.
        refused: where the rows that were left out come from, by reason.
        seconds: wall time of the training itself, in this call.
    """

    loss: float
    steps: int
    rows: int
    held_out: Mapping[str, float]
    refused: Refused
    seconds: float


def train_on_preferences(
    policy: CausalLMPolicy,
    rows: Sequence[PreferencePair] | Sequence[LabelledAnswer],
    config: PreferenceConfig | None = None,
    progress: Progress | None = None,
    folder: Path | None = None,
    mixture: MixtureConfig | None = None,
) -> PreferenceMetrics:
    """Train the policy to prefer what is preferred, without a reward model.

    The loss is measured against the policy as it is at the start, of which a frozen copy is kept meanwhile (of the
    trained weights only). Dropout stays off; the critic is not trained; the policy's own reference and the global
    random generators are left as they were.

    Args:
        policy: to be trained, in place.
        rows: pairs for dpo, single answers for kto, in memory or in a file (`agents.finetune.preference_rows`);
            rendered into a table on disk. Those kept back are measured in memory.
        config: None takes the defaults.
        progress: called after every optimiser step.
        folder: of the run: metrics and checkpoints go there, and a run of the same rows and settings that was stopped
            goes on from its newest checkpoint, to the same weights.
        mixture: in what shares the rows' kinds are learned; None takes every row once per epoch.

    Raises:
        ConfigError: if no row is left to learn from, the rows are not the method's, or they cannot be mixed.
        CheckpointError: if the run's checkpoint is of another model.
    """
    config = config or PreferenceConfig()
    with tempfile.TemporaryDirectory() as scratch:
        (table, refused), (measured, others) = _tables(policy, rows, config, Path(scratch))
        if not table:
            raise ConfigError(f"none of {len(rows)} rows is left to learn from; in a pair the answers have to differ")
        reference = copy_trained(policy.model).requires_grad_(False)
        with lent(policy.model, policy.tokenizer):
            trainer = _TRAINERS[config.method](
                model=policy.model,
                ref_model=reference.get_base_model() if hasattr(reference, "get_base_model") else reference,
                args=_arguments(config, policy, folder),
                train_dataset=table.remove_columns("kind"),
                processing_class=policy.tokenizer,
                callbacks=callbacks(config, progress, folder),
            )
            trainer.attend(config, order_of(table["length"], table["kind"], config, mixture))
            output = trainer.run(folder)
        policy.mark_updated()
        return PreferenceMetrics(
            output.training_loss,
            output.global_step,
            len(table),
            _held_out(policy, reference, measured, config),
            merge_refused(refused, others),
            output.metrics["train_runtime"],
        )


def _tables(
    policy: CausalLMPolicy, rows: Sequence[Any], config: PreferenceConfig, scratch: Path
) -> list[tuple[datasets.Dataset, Refused]]:
    """Return what is learned and what is kept back, rendered, and where the rows come from that were refused."""
    render, schema = (_pairs, PAIRS) if config.method == "dpo" else (_labels, LABELS)
    limit = min(config.max_length or policy.context_length, policy.context_length)
    return [
        table_of(partial(render, policy.chat, limit), rows, places, schema, scratch / f"{number}.arrow")
        for number, places in enumerate(split_by_prompt(rows, config.held_out, config.seed))
    ]


def _pairs(chat: ChatRenderer, limit: int, rows: Sequence[Any]) -> tuple[list[Row], Refused]:
    return render_pairs(chat, _all_of(rows, PreferencePair, "dpo"), limit)


def _labels(chat: ChatRenderer, limit: int, rows: Sequence[Any]) -> tuple[list[Row], Refused]:
    return render_labels(chat, _all_of(rows, LabelledAnswer, "kto"), limit), {}


def _all_of(rows: Sequence[Any], kind: type[T], method: str) -> Sequence[T]:
    """Return the rows, if they are of the method's kind."""
    if wrong := next((row for row in rows if not isinstance(row, kind)), None):
        raise ConfigError(f"{method} learns from rows of {kind.__name__}, not of {type(wrong).__name__}")
    return rows


def _arguments(config: PreferenceConfig, policy: CausalLMPolicy, folder: Path | None) -> DPOConfig | KTOConfig:
    shared = {**trl_arguments(config, policy.device, folder), "beta": config.beta}
    if config.method == "kto":
        return KTOConfig(
            **shared,
            loss_type=config.loss,
            desirable_weight=config.desirable_weight,
            undesirable_weight=config.undesirable_weight,
        )
    losses, weights = [config.loss], [1.0]
    if config.sft_weight:
        losses, weights = [*losses, "sft"], [*weights, config.sft_weight]
    return DPOConfig(**shared, loss_type=losses, loss_weights=weights, label_smoothing=config.label_smoothing)


def _held_out(
    policy: CausalLMPolicy, reference: Any, rows: datasets.Dataset, config: PreferenceConfig
) -> dict[str, float]:
    """Measure the implicit rewards of rows that were not learned from."""
    if not rows:
        return {}
    sides = ("chosen_ids", "rejected_ids") if config.method == "dpo" else ("completion_ids",)
    answers = [(row["prompt_ids"], row[side]) for side in sides for row in rows.to_list()]
    rewards = np.array(implicit_rewards(policy.model, reference, answers, config.beta))
    if config.method == "dpo":
        margins = rewards[: len(rows)] - rewards[len(rows) :]
        return {"rows": len(rows), "margin": float(margins.mean()), "accuracy": float((margins > 0).mean())}
    good = np.array(rows["label"])
    means = [float(rewards[side].mean()) if side.any() else math.nan for side in (good, ~good)]
    return {"rows": len(rows), "margin": means[0] - means[1]}


class _Rendered:
    """Mix it in before the trainer: the rows are tokens already, and stay as they are."""

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, dataset_name: str) -> Any:
        return dataset


class _DPO(StageTrainer, _Rendered, DPOTrainer):
    """Direct preference optimisation on rendered rows."""


class _KTO(StageTrainer, _Rendered, KTOTrainer):
    """Kahneman-Tversky optimisation on rendered rows.

    Its estimate of the divergence needs every prompt with an answer to another one. The collator pairs them up, so that
    they are those of the same batch in whatever order the rows come.
    """

    def __init__(self, **settings: Any) -> None:
        collator = _Mismatched(pad_token_id=settings["processing_class"].pad_token_id)
        super().__init__(**settings, data_collator=collator)


class _Mismatched(DataCollatorForUnpairedPreference):
    """TRL's collator of labelled answers, each given the answer of the row half a batch further on."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the batch, ``KL_input_ids`` and their masks among it."""
        others = [examples[(place + len(examples) // 2) % len(examples)] for place in range(len(examples))]
        paired = zip(examples, others, strict=True)
        return super().torch_call([{**one, "KL_completion_ids": other["completion_ids"]} for one, other in paired])


_TRAINERS: Mapping[str, Callable[..., _DPO | _KTO]] = {"dpo": _DPO, "kto": _KTO}
