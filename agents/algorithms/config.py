"""The settings that every algorithm shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from textenvs.errors import ConfigError, UnknownNameError

LRSchedule = Literal["constant", "linear", "cosine"]
KLPlacement = Literal["reward", "loss"]
KLEstimator = Literal["k1", "k2", "k3", "k3_k2grad"]

_AT_LEAST_ONE = (
    "n_episodes_per_update",
    "group_size",
    "n_epochs",
    "n_minibatches",
    "microbatch_tokens",
    "adaptive_kl_horizon",
    "max_new_tokens",
)
_NOT_NEGATIVE = (
    "warmup_updates",
    "weight_decay",
    "clip_range",
    "entropy_coef",
    "kl_coef",
    "seed",
    "checkpoint_every",
)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of the loop, the optimiser and the terms that every algorithm has.

    Raises:
        ConfigError: if a value is out of range or two settings contradict each other.
    """

    learning_rate: float = 1e-5
    """Peak learning rate of AdamW."""
    lr_schedule: LRSchedule = "constant"
    """How the learning rate goes on after the warm-up: constant, or down to 0 along a line or a cosine."""
    warmup_updates: int = 0
    """Updates over which the learning rate rises linearly to its peak."""
    weight_decay: float = 0.0
    """Decoupled weight decay of AdamW."""
    max_grad_norm: float = 1.0
    """The gradient's norm is clipped to this."""
    n_episodes_per_update: int = 64
    """Episodes collected for one update; a multiple of group_size."""
    group_size: int = 1
    """Episodes on the same item."""
    n_epochs: int = 1
    """Passes over the collected episodes."""
    n_minibatches: int = 1
    """Optimiser steps per pass; each sees its share of the episodes."""
    microbatch_tokens: int = 2048
    """Padded tokens in one forward and backward pass: bounds memory, changes no gradient; raise it on a GPU."""
    clip_range: float = 0.2
    """How far the ratio new/old may fall below 1 (and rise above, see clip_range_high) and still be paid for."""
    clip_range_high: float | None = None
    """How far the ratio may rise above 1; clip_range, if not given."""
    entropy_coef: float = 0.0
    """Weight of the entropy bonus, per token."""
    kl_coef: float = 0.0
    """Weight of the divergence from the reference policy; 0 leaves the reference out altogether."""
    kl_placement: KLPlacement = "reward"
    """Where the divergence is charged: off each token's reward (k1), or as a loss term (k2, k3, k3_k2grad)."""
    kl_estimator: KLEstimator = "k1"
    """The estimator of the divergence; agents/losses/kl.py says what each is the gradient of."""
    adaptive_kl_target: float | None = None
    """Divergence from the reference, in nats per token, that kl_coef is steered to; it stays fixed, if not given."""
    adaptive_kl_horizon: int = 10_000
    """Episodes in which a steered kl_coef changes by a fifth of itself at most."""
    target_kl: float | None = None
    """Ends the passes over a batch once new and old policy diverge by more than 1.5 times this, in nats per token."""
    importance_cap: float | None = None
    """Truncates the weight exp(old - behavior) that corrects for the sampler; no correction, if not given."""
    temperature: float = 1.0
    """Sampling temperature of the rollouts, and of every log-probability in training."""
    max_new_tokens: int = 64
    """The most tokens that one turn of the agent may have."""
    max_context: int | None = None
    """The most tokens that a conversation may have before it is truncated; the model's own limit, if not given."""
    seed: int = 0
    """Of the items drawn, the sampling noise and the minibatches."""
    checkpoint_every: int = 0
    """Updates between checkpoints in the run folder; 0 for none but the one that Ctrl-C leaves."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("learning_rate", "max_grad_norm", "temperature"):
            self._require(getattr(self, name) > 0, name, "must be above 0")
        for name in _AT_LEAST_ONE:
            self._require(getattr(self, name) >= 1, name, "must be at least 1")
        for name in _NOT_NEGATIVE:
            self._require(getattr(self, name) >= 0, name, "must not be negative")
        for name in ("clip_range_high", "adaptive_kl_target", "target_kl", "importance_cap", "max_context"):
            value = getattr(self, name)
            self._require(value is None or value > 0, name, "must be above 0, or left out")
        self._require(
            self.n_episodes_per_update % self.group_size == 0,
            "n_episodes_per_update",
            f"must be a multiple of group_size={self.group_size}",
        )
        steerable = self.adaptive_kl_target is None or self.kl_coef > 0
        self._require(steerable, "adaptive_kl_target", "needs a kl_coef above 0 to start from")
        self._check_kl()

    def _check_kl(self) -> None:
        """Refuse the combinations of estimator and placement that are no gradient of any divergence."""
        if self.kl_placement == "loss" and self.kl_estimator == "k1":
            raise ConfigError(
                "kl_estimator='k1' cannot stand in the loss: its gradient there is E[grad log pi] = 0, so it adds "
                "noise and holds nothing back; use kl_placement='reward', or kl_estimator='k2'"
            )
        if self.kl_placement == "reward" and self.kl_estimator != "k1":
            raise ConfigError(
                f"kl_estimator={self.kl_estimator!r} cannot stand in the reward: only k1 there gives the gradient of "
                "the sequence's divergence; use kl_estimator='k1', or kl_placement='loss'"
            )

    def _require(self, holds: bool, name: str, rule: str) -> None:
        if not holds:
            raise ConfigError(f"{name}={getattr(self, name)!r}: {rule}")

    @property
    def clip_high(self) -> float:
        """The upper clip range in force."""
        return self.clip_range if self.clip_range_high is None else self.clip_range_high

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build the configuration from field names and values, as a file or a checkpoint holds them.

        Raises:
            UnknownNameError: if a name is no field; it gives the nearest ones.
        """
        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                raise UnknownNameError.of(f"setting of {cls.__name__}", name, names)
        return cls(**values)
