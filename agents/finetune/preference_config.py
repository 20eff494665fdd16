"""Settings of preference training; without torch, for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agents.finetune.stage_config import StageConfig
from textenvs.errors import ConfigError, check_known

LOSSES: Mapping[str, tuple[str, ...]] = {
    "dpo": (
        *("sigmoid", "hinge", "ipo", "sigmoid_norm", "robust", "exo_pair", "nca_pair", "bco_pair", "sppo_hard"),
        *("aot", "aot_unpaired", "apo_zero", "apo_down", "discopop"),
    ),
    "kto": ("kto", "apo_zero_unpaired"),
}
"""The losses of each method, its own first; TRL's documentation names their papers."""


@dataclass(frozen=True, kw_only=True)
class PreferenceConfig(StageConfig):
    """Settings of preference training, beside those that every stage has.

    Raises:
        ConfigError: if a value is out of range.
        UnknownNameError: if there is no such method or loss.
    """

    stage = "preference"

    learning_rate: float = 1e-4
    """Peak learning rate of AdamW; 1e-4 suits the embedded model and adapters, 1e-6 a large model in full."""
    batch_size: int = 16
    """Pairs, or single answers, per optimiser step."""
    method: Literal["dpo", "kto"] = "dpo"
    """dpo (Rafailov et al. 2023) for pairs, kto (Ethayarajh et al. 2024) for single answers that are good or bad."""
    loss_type: str | None = None
    """A variant of the loss; the method's own, sigmoid or kto, if not given."""
    beta: float = 0.1
    """How dear it is to leave the reference: the reward is beta times the log-ratio."""
    label_smoothing: float = 0.0
    """Share of pairs taken to be the wrong way round, for the losses robust, exo_pair and aot."""
    sft_weight: float = 0.0
    """Weight of the better answer's own likelihood in the loss, which keeps it from falling too; dpo."""
    desirable_weight: float = 1.0
    """Weight of the good answers; kto."""
    undesirable_weight: float = 1.0
    """Weight of the bad answers; kto. Balance the two where there are many more of one kind."""
    max_length: int | None = None
    """Most tokens of a conversation with its answer, what came first being dropped first; the context, if not given."""
    held_out: float = 0.1
    """Share of the prompts whose rows are kept back and measured at the end."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        self.refuse_unless_positive("beta", "desirable_weight", "undesirable_weight")
        check_known("method", self.method, LOSSES)
        check_known(f"loss_type of {self.method}", self.loss, LOSSES[self.method])
        if not 0 <= self.label_smoothing < 0.5 or (self.loss == "exo_pair" and not self.label_smoothing):
            raise ConfigError(
                f"preference label_smoothing={self.label_smoothing}: from 0 up to 0.5; exo_pair needs more than 0"
            )
        if not 0 <= self.held_out < 1 or self.sft_weight < 0:
            raise ConfigError(
                f"preference held_out={self.held_out}: a share below 1; sft_weight={self.sft_weight}: at least 0"
            )
        if self.method == "kto" and (self.microbatch_size or self.batch_size) < 2:
            raise ConfigError("kto compares an answer with those to other prompts: at least 2 in a micro-batch")

    @property
    def loss(self) -> str:
        """The loss, by name."""
        return self.loss_type or LOSSES[self.method][0]
