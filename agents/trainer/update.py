"""The update: the steps that one scored batch gives, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import nn

from agents.algorithms.base import AnyAlgorithm, Credit, Loss, ValueLearning
from agents.algorithms.config import TrainConfig
from agents.distributed.ranks import ALONE, Ranks
from agents.distributed.shards import hold
from agents.losses.importance import truncated_importance
from agents.trainer.gradient_step import GradientStep
from agents.trainer.interrupts import deferred_interrupt
from agents.trainer.microbatch import Rows
from agents.trainer.natural_step import NaturalStep
from agents.trainer.portion import Portion, UpdateStats, Work, with_drift
from agents.trainer.protocols import CRITIC_PREFIX, TrainablePolicy
from agents.trajectory import BoolArray, FloatArray, TokenBatch
from textenvs.errors import ConfigError

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
        ranks: that share the micro-batches of every step; each has the whole batch.

    Attributes:
        holding: how the ranks hold the weights.

    Raises:
        ConfigError: if the policy, or the ranks, cannot do what the algorithm needs.
    """

    def __init__(
        self, policy: TrainablePolicy, algorithm: AnyAlgorithm, config: TrainConfig, ranks: Ranks = ALONE
    ) -> None:
        self.policy = policy
        self.algorithm = algorithm
        self.config = config
        self.optimizer = torch.optim.AdamW(
            self._parameter_groups(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.holding = hold(policy, self.optimizer, ranks)
        everything, own = self._everything, self._critics_own
        self.gradient_step = GradientStep(self._whole_share, config, self.optimizer, everything, self.holding)
        critic = algorithm.critic
        critic_share = critic and partial(self._critic_share, critic)
        self.critic_step = critic_share and GradientStep(critic_share, config, self.optimizer, own, self.holding)
        region = algorithm.trust_region and algorithm.trust_region(config)
        if region and ranks.sharding:
            raise ConfigError(f"{algorithm.name} needs every weight on every rank; launch it without FSDP")
        self.natural_step = region and NaturalStep(policy, algorithm, config, region, self.named_parameters, ranks)

    @property
    def named_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """All that are trained, by name, as this rank holds them."""
        return self.holding.policy.trainable_parameters()

    def _everything(self) -> list[nn.Parameter]:
        return [weight for _, weight in self.named_parameters]

    def _critics_own(self) -> list[nn.Parameter]:
        return [weight for name, weight in self.named_parameters if name.startswith(CRITIC_PREFIX)]

    def _whole_share(self, portion: Portion, rows: Rows) -> Loss:
        """Return the loss of policy and critic."""
        scores = self.holding.policy.score(rows.token_ids, rows.attention_mask, rows.select, rows.temperature)
        tokens = portion.loss_inputs(scores, rows)
        return with_drift(self.algorithm.loss(tokens, self.config), tokens)

    def _critic_share(self, critic: ValueLearning[Any], portion: Portion, rows: Rows) -> Loss:
        """Return the loss of the critic alone."""
        values = self.holding.policy.values(rows.token_ids, rows.attention_mask, rows.select)
        return critic.loss(portion.critic_inputs(values, rows), self.config)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Return the weights for the optimiser, each group with its multiple of the learning rate."""
        groups: dict[bool, list[nn.Parameter]] = {False: [], True: []}
        for name, parameter in self.policy.trainable_parameters():
            groups[name.startswith(CRITIC_PREFIX)].append(parameter)
        critic = self.algorithm.critic
        scales = {False: 1.0, True: critic.pace(self.config).lr_scale if critic else 1.0}
        return [{"params": group, "lr_scale": scales[own]} for own, group in groups.items() if group]

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
        work = Work(state.batch, state.credit, importance, kl_coef, entropy_coef)
        with self.holding.updating():
            for step in islice(self._steps(work, critic_only, generator), state.position, None):
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

    def _steps(self, work: Work, critic_only: bool, generator: np.random.Generator) -> Iterator[Step]:
        """Yield the steps of an update: the natural one, where the algorithm has it, and then epochs of minibatches.

        Their number and order depend on the batch and the generator only, never on how a step went.
        """
        if self.natural_step is not None and work.credit.mask.any() and not critic_only:
            yield partial(self.natural_step.take, self._portion(work, work.credit.mask))
        alone = self.critic_step if critic_only or self.natural_step is not None else None
        step = alone or self.gradient_step
        for mask in self._minibatches(work.batch, work.credit.mask, generator):
            yield partial(step.take, self._portion(work, mask))

    def _portion(self, work: Work, mask: BoolArray) -> Portion:
        return Portion.of(work, mask, self.algorithm, self.config)

    def _minibatches(self, batch: TokenBatch, mask: BoolArray, generator: np.random.Generator) -> Iterator[BoolArray]:
        """In every epoch, deal the episodes with trained tokens into minibatches; yields the tokens [N] of each."""
        trained = np.unique(batch.trajectory_index[mask])
        for _ in range(self.config.n_epochs):
            parts = np.array_split(generator.permutation(trained), self.config.n_minibatches)
            yield from (mask & np.isin(batch.trajectory_index, part) for part in parts if len(part))
