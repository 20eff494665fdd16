"""Settings that every offline stage has; without torch, for the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.algorithms.config import LRSchedule
from textenvs.errors import ConfigError


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
