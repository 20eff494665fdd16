"""The first-order step: one step of the optimiser along the gradient of the algorithm's loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from agents.algorithms.base import Loss
from agents.algorithms.config import TrainConfig
from agents.distributed.replicas import Replicas
from agents.trainer.portion import Portion, Share, Terms, UpdateStats


@dataclass(frozen=True)
class GradientStep:
    """Moves weights with the optimiser.

    Attributes:
        share: of the loss, from one micro-batch.
        config: of the algorithm's own type.
        optimizer: of the parameters, and perhaps of more.
        parameters: returns all that the step moves; the loss has a gradient for no others.
        holding: how the ranks that share the micro-batches hold the weights.
    """

    share: Share
    config: TrainConfig
    optimizer: torch.optim.Optimizer
    parameters: Callable[[], Sequence[nn.Parameter]]
    holding: Replicas[Any]

    def take(self, portion: Portion, stats: UpdateStats) -> None:
        """Accumulate the gradient over the micro-batches, and step."""
        self.optimizer.zero_grad(set_to_none=True)
        terms = self._accumulate(portion)
        norm = self.holding.clip(self.parameters(), self.config.max_grad_norm)
        names = [*terms, "grad_norm"]
        figures = dict(zip(names, torch.stack([*terms.values(), norm]).tolist(), strict=True))
        for name, figure in figures.items():
            stats.terms[name].append(figure)
        limit = self.config.target_kl
        if limit is not None and figures.get("approx_kl", 0.0) > 1.5 * limit:
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
        for rows, counted in self.holding.rounds(portion.microbatches):
            loss = self.holding.run(partial(self.share, portion, rows))
            loss = Loss(counted * loss.total, loss.terms if counted else {})
            loss.total.backward()
            terms.add(loss)
        return terms.over(self.holding.ranks)
