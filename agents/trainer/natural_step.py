"""The natural-gradient step: the policy's weights moved inside a trust region, and not at all where that fails."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from agents.algorithms.base import NaturalGradient
from agents.algorithms.config import TrainConfig
from agents.losses.kl import categorical_kl
from agents.trainer.microbatch import Rows
from agents.trainer.natural_gradient import (
    LineSearch,
    backtrack,
    conjugate_gradient,
    flat_gradient,
    hessian_vector_product,
    longest_step,
    split_like,
)
from agents.trainer.portion import Portion, Terms, UpdateStats
from agents.trainer.protocols import CRITIC_PREFIX, TrainablePolicy
from textenvs.errors import ConfigError


class NaturalStep:
    """Moves the policy's weights, and never the critic's own.

    The divergence is that of the whole distributions, summed over the vocabulary. The old policy's are computed again
    where they are needed, with the old weights, because all of them at once would be larger than the model.

    Args:
        policy: whose parameters are trained.
        mechanism: of the algorithm.
        config: of the algorithm's own type.
        named_parameters: all that are trained, the critic's too.

    Raises:
        ConfigError: if the policy cannot be differentiated twice.
    """

    def __init__(
        self,
        policy: TrainablePolicy,
        mechanism: NaturalGradient,
        config: TrainConfig,
        named_parameters: Sequence[tuple[str, nn.Parameter]],
    ) -> None:
        if not policy.twice_differentiable:
            raise ConfigError(
                "a natural-gradient step differentiates the policy twice, which only eager attention can; "
                "build the policy with attention='eager', or call policy.make_twice_differentiable()"
            )
        self.policy = policy
        self.mechanism = mechanism
        self.config = config
        self.region = mechanism.trust_region(config)
        named = [(name, weight) for name, weight in named_parameters if not name.startswith(CRITIC_PREFIX)]
        self.names = [name for name, _ in named]
        self.parameters = [weight for _, weight in named]

    def take(self, portion: Portion, stats: UpdateStats) -> None:
        """Find the direction and its longest admissible step, and make it; a failed search leaves every bit as it was.

        A length is accepted if the objective falls and KL(new || old) stays below the region's `max_kl`.
        """
        terms, gradient = self._objective_and_gradient(portion)
        before = terms.pop("loss")
        direction = conjugate_gradient(
            lambda vector: self._fisher_product(portion, vector), -gradient, self.region.cg_steps
        )
        curvature = float(direction @ self._fisher_product(portion, direction))
        step = longest_step(curvature, self.region.max_kl) * direction
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
        terms, gradient = Terms(), 0.0
        for rows in portion.microbatches:
            tokens = portion.loss_inputs(self.policy, rows)
            objective = self.mechanism.objective(tokens, self.config)
            gradient = gradient + flat_gradient(objective.total, self.parameters)
            terms.add(tokens, objective)
        return {name: figure.item() for name, figure in terms.figures.items()}, torch.as_tensor(gradient)

    def _fisher_product(self, portion: Portion, vector: Tensor) -> Tensor:
        """Return the damped Fisher matrix at the old weights times `vector` [P], summed over micro-batches."""
        product = self.region.cg_damping * vector
        for rows in portion.microbatches:
            logprobs = self._distributions(rows)
            kl = portion.mean_weight * categorical_kl(logprobs, logprobs.detach()).sum()
            product = product + hessian_vector_product(kl, self.parameters, vector)
        return product

    @torch.no_grad()
    def _evaluate(self, portion: Portion, old: Sequence[Tensor]) -> tuple[float, float]:
        """Return the objective and the mean KL(new || old) at the weights as they are."""
        objective = kl = 0.0
        for rows in portion.microbatches:
            objective += self.mechanism.objective(portion.loss_inputs(self.policy, rows), self.config).total.item()
            divergence = categorical_kl(self._distributions(rows), self._distributions(rows, old))
            kl += portion.mean_weight * divergence.sum().item()
        return objective, kl

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
