"""The first-order step: one step of the optimiser along the gradient of the algorithm's loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from agents.algorithms.base import AnyAlgorithm
from agents.algorithms.config import TrainConfig
from agents.trainer.portion import Portion, Terms, UpdateStats
from agents.trainer.protocols import CRITIC_PREFIX, TrainablePolicy


@dataclass(frozen=True)
class GradientStep:
    """Moves the weights with the optimiser.

    Attributes:
        policy: whose parameters are trained.
        algorithm: gives the loss.
        config: of the algorithm's own type.
        optimizer: of the named parameters.
        named_parameters: all that are trained.
    """

    policy: TrainablePolicy
    algorithm: AnyAlgorithm
    config: TrainConfig
    optimizer: torch.optim.Optimizer
    named_parameters: Sequence[tuple[str, nn.Parameter]]

    def take(self, portion: Portion, stats: UpdateStats) -> None:
        """Accumulate the gradient over the micro-batches, and step."""
        self.optimizer.zero_grad(set_to_none=True)
        terms = self._accumulate(portion)
        norm = self._clip_gradient(portion.work.critic_only)
        names = [*terms, "grad_norm"]
        figures = dict(zip(names, torch.stack([*terms.values(), norm]).tolist(), strict=True))
        for name, figure in figures.items():
            stats.terms[name].append(figure)
        limit = self.config.target_kl
        if limit is not None and figures["approx_kl"] > 1.5 * limit:
            stats.stopped = True
        elif not np.isfinite([figures["loss"], figures["grad_norm"]]).all():
            stats.skipped += 1
        else:
            self.optimizer.step()
            stats.steps += 1
        self.optimizer.zero_grad(set_to_none=True)

    def _accumulate(self, portion: Portion) -> dict[str, Tensor]:
        """Add up gradients and terms over micro-batches."""
        terms = Terms()
        for rows in portion.microbatches:
            tokens = portion.loss_inputs(self.policy, rows)
            loss = self.algorithm.loss(tokens, self.config)
            loss.total.backward()
            terms.add(tokens, loss)
        return terms.figures

    def _clip_gradient(self, critic_only: bool) -> Tensor:
        """Clip the gradient's norm and return it as it was; where the critic moves alone, drop everyone else's."""
        if critic_only:
            for name, parameter in self.named_parameters:
                if not name.startswith(CRITIC_PREFIX):
                    parameter.grad = None
        parameters = [parameter for _, parameter in self.named_parameters]
        return torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm)
