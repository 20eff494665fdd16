"""The natural-gradient step: the policy's weights moved inside a trust region, and not at all where that fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor, nn

from agents.algorithms.base import AnyAlgorithm, Loss
from agents.algorithms.config import TrainConfig
from agents.algorithms.settings import TrustRegion
from agents.distributed.ranks import ALONE, Ranks
from agents.losses.kl import categorical_kl
from agents.policies.scores import TokenScores
from agents.trainer.microbatch import Rows
from agents.trainer.natural_gradient import (
    LineSearch,
    backtrack,
    conjugate_gradient,
    flat_gradient,
    hessian,
    longest_step,
    split_like,
)
from agents.trainer.portion import Portion, Terms, UpdateStats, with_drift
from agents.trainer.protocols import CRITIC_PREFIX, TrainablePolicy
from textenvs.errors import ConfigError


class NaturalStep:
    """Moves the policy's weights, and never the critic's own.

    The divergence is that of the whole distributions, summed over the vocabulary. The old policy's are computed again
    where they are needed, with the old weights, because all of them at once would be larger than the model.

    Args:
        policy: whose parameters are trained.
        algorithm: gives the objective, which is its loss.
        config: of the algorithm's own type.
        region: that the step stays in.
        named_parameters: all that are trained, the critic's too.
        ranks: that share the micro-batches.

    Raises:
        ConfigError: if the policy cannot be differentiated twice.
    """

    def __init__(
        self,
        policy: TrainablePolicy,
        algorithm: AnyAlgorithm,
        config: TrainConfig,
        region: TrustRegion,
        named_parameters: Sequence[tuple[str, nn.Parameter]],
        ranks: Ranks = ALONE,
    ) -> None:
        if not policy.twice_differentiable:
            raise ConfigError(
                "a natural-gradient step differentiates the policy twice, which only eager attention can; "
                "build the policy with attention='eager', or call policy.make_twice_differentiable()"
            )
        self.policy = policy
        self.algorithm = algorithm
        self.config = config
        self.region = region
        self.ranks = ranks
        named = [(name, weight) for name, weight in named_parameters if not name.startswith(CRITIC_PREFIX)]
        self.names = [name for name, _ in named]
        self.parameters = [weight for _, weight in named]

    def take(self, portion: Portion, stats: UpdateStats) -> None:
        """Find the direction and its longest admissible step, and make it; a failed search leaves every bit as it was.

        A length is accepted if the objective falls and KL(new || old) stays below the region's `max_kl`.
        """
        terms, gradient = self._objective_and_gradient(portion)
        before = terms.pop("loss")
        step = self._full_step(portion, gradient)
        if not (math.isfinite(before) and bool(step.isfinite().all()) and bool(step.any())):
            stats.skipped += 1
            return
        old = [weight.detach().clone() for weight in self.parameters]
        reached: dict[str, float] = {}

        def accepts(fraction: float) -> bool:
            self._move(old, fraction * step)
            objective, kl = self._evaluate(portion, old)
            reached.update(objective_gain=before - objective, step_kl=kl)
            return objective < before and kl < self.region.max_kl

        search = backtrack(accepts, self.region.line_search_shrink, self.region.line_search_steps)
        if not search.fraction:
            self._move(old, torch.zeros_like(step))
            reached = {"objective_gain": 0.0, "step_kl": 0.0}
        stats.steps += bool(search.fraction)
        _record(stats, {**terms, **reached, "policy_grad_norm": float(gradient.norm())}, search)

    def _objective_and_gradient(self, portion: Portion) -> tuple[dict[str, float], Tensor]:
        """Return the objective's terms and its gradient [P] at the old weights, summed over micro-batches."""
        terms, gradient = Terms(), self._zeros()
        for rows in self.ranks.share(portion.microbatches):
            objective = self._objective(portion, rows, self._distributions(rows))
            gradient = gradient + flat_gradient(objective.total, self.parameters)
            terms.add(objective)
        figures = terms.over(self.ranks)
        return {name: figure.item() for name, figure in figures.items()}, self.ranks.sum(gradient)

    def _zeros(self) -> Tensor:
        """Return the gradient [P] of nothing."""
        return torch.cat([torch.zeros_like(weight).reshape(-1) for weight in self.parameters]).to(
            torch.promote_types(self.parameters[0].dtype, torch.float32)
        )

    def _full_step(self, portion: Portion, gradient: Tensor) -> Tensor:
        """Return the longest step [P] along the natural gradient, before any search; the graphs it needed are freed."""
        fisher = self._fisher(self._sampled(portion))
        direction = conjugate_gradient(fisher, -gradient, self.region.cg_steps)
        return longest_step(float(direction @ fisher(direction)), self.region.max_kl) * direction

    def _sampled(self, portion: Portion) -> Portion:
        """Return the portion of every n-th of the episodes, on which the curvature is measured."""
        batch = portion.work.batch
        tokens = np.concatenate([rows.tokens for rows in portion.microbatches])
        episodes = np.unique(batch.trajectory_index[tokens])[:: self.region.fisher_every]
        mask = np.zeros(len(batch), dtype=np.bool_)
        mask[tokens] = np.isin(batch.trajectory_index[tokens], episodes)
        return Portion.of(portion.work, mask, self.algorithm, self.config)

    def _fisher(self, portion: Portion) -> Callable[[Tensor], Tensor]:
        """Return multiplication by the damped Fisher matrix at the old weights, [P] to [P].

        One micro-batch's graph may be in memory at a time. So that of a single one is kept from product to product, and
        those of several are built anew in every product.
        """
        curvatures = [partial(self._curvature, portion, rows) for rows in self.ranks.share(portion.microbatches)]
        if len(curvatures) == 1:
            curvatures = [cache(curvatures[0])]

        def product(vector: Tensor) -> Tensor:
            mine = sum((curvature()(vector) for curvature in curvatures), start=torch.zeros_like(vector))
            return self.ranks.sum(mine) + self.region.cg_damping * vector

        return product

    def _curvature(self, portion: Portion, rows: Rows) -> Callable[[Tensor], Tensor]:
        """Return multiplication by a micro-batch's share of the Fisher matrix."""
        logprobs = self._distributions(rows)
        kl = portion.mean_weight * categorical_kl(logprobs, logprobs.detach()).sum()
        return hessian(kl, self.parameters)

    @torch.no_grad()
    def _evaluate(self, portion: Portion, old: Sequence[Tensor]) -> tuple[float, float]:
        """Return the objective and the mean KL(new || old) at the weights as they are."""
        objective = kl = 0.0
        for rows in self.ranks.share(portion.microbatches):
            logprobs = self._distributions(rows)
            objective += self._objective(portion, rows, logprobs).total.item()
            divergence = categorical_kl(logprobs, self._distributions(rows, old))
            kl += portion.mean_weight * divergence.sum().item()
        parts = self.ranks.gather((objective, kl))
        return sum(part[0] for part in parts), sum(part[1] for part in parts)

    def _objective(self, portion: Portion, rows: Rows, logprobs_NV: Tensor) -> Loss:
        """Return a micro-batch's share of what the step is to bring down; the critic plays no part in it."""
        tokens = portion.loss_inputs(TokenScores.of(logprobs_NV, rows.token_ids[rows.select]), rows)
        return with_drift(self.algorithm.loss(tokens, self.config), tokens)

    def _distributions(self, rows: Rows, weights: Sequence[Tensor] | None = None) -> Tensor:
        stand_in = None if weights is None else dict(zip(self.names, weights, strict=True))
        return self.policy.distributions(
            rows.token_ids, rows.attention_mask, rows.select, rows.temperature, weights=stand_in
        )

    @torch.no_grad()
    def _move(self, old: Sequence[Tensor], step: Tensor) -> None:
        """Set the weights to `old + step`."""
        for weight, origin, part in zip(self.parameters, old, split_like(step, self.parameters), strict=True):
            weight.copy_(origin + part)


def _record(stats: UpdateStats, terms: dict[str, float], search: LineSearch) -> None:
    figures = {
        **terms,
        "step_fraction": search.fraction,
        "line_search_tries": float(search.tries),
        "line_search_failed": float(not search.fraction),
    }
    for name, figure in figures.items():
        stats.terms[name].append(figure)
