"""The settings that every algorithm shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agents.algorithms.settings import Checkpoints, Convergence, Curriculum, Exploration, Filters, Importance, KLControl
from agents.algorithms.settings.record import Record
from textenvs.errors import ConfigError

LRSchedule = Literal["constant", "linear", "cosine", "low_and_slow"]
KLPlacement = Literal["reward", "loss"]
KLEstimator = Literal["k1", "k2", "k3", "k3_k2grad"]

_AT_LEAST_ONE = (
    "n_episodes_per_update",
    "group_size",
    "n_epochs",
    "n_minibatches",
    "microbatch_tokens",
    "max_new_tokens",
)
_NOT_NEGATIVE = (
    "weight_decay",
    "entropy_coef",
    "kl_coef",
    "seed",
)


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Record):
    """Settings of the loop, the optimiser and the terms that every algorithm has.

    What is set together, and seldom, stands in records of its own, whose defaults leave everything as it is.

    Raises:
        ConfigError: if a value is out of range or two settings contradict each other.
    """

    learning_rate: float = 1e-5
    """Peak learning rate of AdamW."""
    lr_schedule: LRSchedule = "constant"
    """The learning rate after its warm-up: constant, linear or cosine down to 0, or low_and_slow (see schedules.py)."""
    warmup_updates: int | None = None
    """Updates over which the learning rate rises to its peak; if not given, none, or a fifth of low_and_slow's."""
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
    entropy_coef: float = 0.0
    """Weight of the entropy bonus, per token."""
    kl_coef: float = 0.0
    """Weight of the divergence from the reference policy; 0 leaves the reference out altogether."""
    kl_placement: KLPlacement = "reward"
    """Where the divergence is charged: off each token's reward (k1), or as a loss term (k2, k3, k3_k2grad)."""
    kl_estimator: KLEstimator = "k1"
    """The estimator of the divergence; agents/losses/kl.py says what each is the gradient of."""
    target_kl: float | None = None
    """Ends the passes over a batch once new and old policy diverge by more than 1.5 times this, in nats per token."""
    temperature: float = 1.0
    """Sampling temperature of the rollouts; every log-probability in training uses the one its turn was drawn at."""
    max_new_tokens: int = 64
    """The most tokens that one turn of the agent may have."""
    max_context: int | None = None
    """The most tokens that a conversation may have before it is truncated; the model's own limit, if not given."""
    seed: int = 0
    """Of the items drawn, the sampling noise and the minibatches."""
    checkpoints: Checkpoints = Checkpoints()
    """When the run is saved."""
    importance: Importance = Importance()
    """The correction for what the sampler did differently from the trainer."""
    kl_control: KLControl = KLControl()
    """The steering of kl_coef."""
    exploration: Exploration = Exploration()
    """What makes the rollouts try more."""
    filters: Filters = Filters()
    """What is not trained on."""
    curriculum: Curriculum = Curriculum()
    """Which items are played more often."""
    convergence: Convergence = Convergence()
    """Evaluation in training, the best checkpoint, and the end of a run that has learned what it will."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("learning_rate", "max_grad_norm", "temperature"):
            self._require(getattr(self, name) > 0, name, "must be above 0")
        for name in _AT_LEAST_ONE:
            self._require(getattr(self, name) >= 1, name, "must be at least 1")
        for name in _NOT_NEGATIVE:
            self._require(getattr(self, name) >= 0, name, "must not be negative")
        for name in ("target_kl", "max_context"):
            value = getattr(self, name)
            self._require(value is None or value > 0, name, "must be above 0, or left out")
        warmup = self.warmup_updates
        self._require(warmup is None or warmup >= 0, "warmup_updates", "must not be negative")
        self._require(
            self.n_episodes_per_update % self.group_size == 0,
            "n_episodes_per_update",
            f"must be a multiple of group_size={self.group_size}",
        )
        self._check_records()
        self._check_kl()

    def _check_records(self) -> None:
        """Refuse a record that asks for what the other settings rule out."""
        if self.kl_control.target is not None and self.kl_coef == 0:
            raise ConfigError(f"kl_control.target={self.kl_control.target}: needs a kl_coef above 0 to start from")
        if self.exploration.epsilon > 0 and self.importance.cap is None:
            raise ConfigError(
                f"exploration.epsilon={self.exploration.epsilon}: needs importance.cap (such as 2.0), or tokens drawn "
                "by chance are trained on as if the policy had chosen them"
            )
        if self.filters.resample_rounds > 0 and self.group_size == 1:
            raise ConfigError(
                f"filters.resample_rounds={self.filters.resample_rounds}: needs a group_size of 2 or more; a group of "
                "one has no variance"
            )

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
