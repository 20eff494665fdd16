"""The update: the steps that one scored batch gives, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import nn

from agents.algorithms.base import AnyAlgorithm, Credit
from agents.algorithms.config import TrainConfig
from agents.losses.importance import truncated_importance
from agents.trainer.gradient_step import GradientStep
from agents.trainer.interrupts import deferred_interrupt
from agents.trainer.natural_step import NaturalStep
from agents.trainer.portion import Portion, UpdateStats, Work
from agents.trainer.protocols import CRITIC_PREFIX, TrainablePolicy
from agents.trajectory import BoolArray, FloatArray, TokenBatch

Step = Callable[[UpdateStats], None]
"""One change of the weights; it writes down what happened."""


@dataclass
class UpdateState:
    """An update under way: its finished rollout, and how many of its steps are made.

    A checkpoint inside an update holds all of this, see `agents.trainer.buffer`; a new field is saved there.

    Attributes:
        batch: scored.
        credit: of the same batch.
        figures: the metrics that were known before any weight changed.
        seconds: wall time by phase.
        position: of the next step, counted from 0 over all epochs.
        stats: what has happened so far.
    """

    batch: TokenBatch
    credit: Credit
    figures: dict[str, float] = field(default_factory=dict[str, float])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    position: int = 0
    stats: UpdateStats = field(default_factory=UpdateStats)


class Updater:
    """Owns the optimiser and changes the weights.

    The policy stays under `eval` throughout: dropout would make the ratio new/old differ from 1 for no reason.

    Args:
        policy: whose parameters are trained.
        algorithm: gives loss, normaliser, and how the weights are moved.
        config: of the algorithm's own type.

    Raises:
        ConfigError: if the policy cannot do what the algorithm needs.
    """

    def __init__(self, policy: TrainablePolicy, algorithm: AnyAlgorithm, config: TrainConfig) -> None:
        self.policy = policy
        self.algorithm = algorithm
        self.config = config
        self.named_parameters = policy.trainable_parameters()
        self.optimizer = torch.optim.AdamW(
            self._parameter_groups(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.gradient_step = GradientStep(policy, algorithm, config, self.optimizer, self.named_parameters)
        natural = algorithm.natural_gradient
        self.natural_step = natural and NaturalStep(policy, natural, config, self.named_parameters)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Return the weights for the optimiser, each group with its multiple of the learning rate."""
        groups: dict[bool, list[nn.Parameter]] = {False: [], True: []}
        for name, parameter in self.named_parameters:
            groups[name.startswith(CRITIC_PREFIX)].append(parameter)
        scales = {False: 1.0, True: self.config.critic_lr_scale}
        return [{"params": group, "lr_scale": scales[critic]} for critic, group in groups.items() if group]

    def run(
        self,
        state: UpdateState,
        *,
        learning_rate: float,
        kl_coef: float,
        entropy_coef: float,
        critic_only: bool,
        generator: np.random.Generator,
        after_step: Callable[[], None],
    ) -> None:
        """Train on a batch, from the step that `state` has reached.

        Args:
            state: of the update; its position and its figures move on.
            learning_rate: of this update.
            kl_coef: of the divergence as a loss term.
            entropy_coef: of the entropy bonus.
            critic_only: change the critic's own weights only.
            generator: shuffles the episodes; a fresh one, also where the update was begun before.
            after_step: called where weights, optimiser and `state` agree, with Ctrl-C held back.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = group["lr_scale"] * learning_rate
        importance = self._importance(state.batch)
        work = Work(state.batch, state.credit, importance, kl_coef, entropy_coef, critic_only)
        for step in islice(self._steps(work, generator), state.position, None):
            if state.stats.stopped:
                break
            with deferred_interrupt():
                step(state.stats)
                state.position += 1
                after_step()
        if state.stats.steps:
            self.policy.mark_updated()

    def _importance(self, batch: TokenBatch) -> FloatArray:
        """[N] the weight of each token that corrects for the sampler."""
        settings = self.config.importance
        sequence = batch.trajectory_index if settings.level == "sequence" else None
        return truncated_importance(batch.old_logprobs, batch.behavior_logprobs, settings.cap, sequence)

    def _steps(self, work: Work, generator: np.random.Generator) -> Iterator[Step]:
        """Yield the steps of an update: the natural one, where the algorithm has it, and then epochs of minibatches.

        Their number and order depend on the batch and the generator only, never on how a step went.
        """
        if self.natural_step is not None:
            if work.credit.mask.any() and not work.critic_only:
                yield partial(self.natural_step.take, self._portion(work, work.credit.mask))
            work = replace(work, critic_only=True)
        for mask in self._minibatches(work.batch, work.credit.mask, generator):
            yield partial(self.gradient_step.take, self._portion(work, mask))

    def _portion(self, work: Work, mask: BoolArray) -> Portion:
        return Portion.of(work, mask, self.algorithm, self.config)

    def _minibatches(self, batch: TokenBatch, mask: BoolArray, generator: np.random.Generator) -> Iterator[BoolArray]:
        """In every epoch, deal the episodes with trained tokens into minibatches; yields the tokens [N] of each."""
        trained = np.unique(batch.trajectory_index[mask])
        for _ in range(self.config.n_epochs):
            parts = np.array_split(generator.permutation(trained), self.config.n_minibatches)
            yield from (mask & np.isin(batch.trajectory_index, part) for part in parts if len(part))
