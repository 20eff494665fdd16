"""Settings of a reward model's training; without torch, for the command line."""

from __future__ import annotations

from dataclasses import dataclass

from agents.finetune.stage_config import StageConfig
from textenvs.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class RewardModelConfig(StageConfig):
    """Settings of a reward model's training, beside those that every stage has.

    Raises:
        ConfigError: if a value is out of range.
    """

    stage = "reward model"

    margin_scale: float = 1.0
    """What a pair's margin is multiplied by; the better score shall exceed the other by so much more. 0 for none."""
    centring: float = 0.01
    """Weight of the squared sum of a pair's two scores, which keeps them around 0 (Eisenstein et al. 2023)."""
    max_length: int | None = None
    """Most tokens of a conversation with its answer, what came first being dropped first; the context, if not given."""
    held_out: float = 0.1
    """Share of the prompts whose pairs are kept back, and measured at the end."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        for name in ("margin_scale", "centring", "held_out"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"reward model {name}={getattr(self, name)!r}: at least 0")
        if self.held_out >= 1:
            raise ConfigError(f"reward model held_out={self.held_out!r}: a share below 1")
