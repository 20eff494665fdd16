"""The update: epochs of minibatches over one scored batch."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from agents.algorithms.base import AnyAlgorithm, Credit, LossInputs
from agents.algorithms.config import TrainConfig
from agents.losses.kl import k3
from agents.losses.surrogate import truncated_importance
from agents.trainer.microbatch import Rows, microbatches
from agents.trainer.protocols import CRITIC_PREFIX, TrainablePolicy
from agents.trajectory import BoolArray, FloatArray, TokenBatch


@dataclass
class UpdateStats:
    """What happened in one update.

    Attributes:
        terms: the losses' named terms, one figure per minibatch.
        steps: optimiser steps made.
        skipped: steps not made because a loss or a gradient was not finite.
        stopped: whether `target_kl` ended the update early.
    """

    terms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    steps: int = 0
    skipped: int = 0
    stopped: bool = False

    def metrics(self) -> dict[str, float]:
        """Return each term's mean over the minibatches (`..._max`: its maximum), and the counts."""
        return {
            **{n: float(max(v) if n.endswith("_max") else np.mean(v)) for n, v in self.terms.items()},
            "optimizer_steps": float(self.steps),
            "skipped_steps": float(self.skipped),
            "stopped_early": float(self.stopped),
        }


class Updater:
    """Owns the optimiser and changes the weights.

    The policy stays under `eval` throughout: dropout would make the ratio new/old differ from 1 for no reason.

    Args:
        policy: whose parameters are trained.
        algorithm: gives loss and normaliser.
        config: of the algorithm's own type.
    """

    def __init__(self, policy: TrainablePolicy, algorithm: AnyAlgorithm, config: TrainConfig) -> None:
        self.policy = policy
        self.algorithm = algorithm
        self.config = config
        self.named_parameters = policy.trainable_parameters()
        self.optimizer = torch.optim.AdamW(
            [parameter for _, parameter in self.named_parameters],
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )

    def run(
        self,
        batch: TokenBatch,
        credit: Credit,
        *,
        learning_rate: float,
        kl_coef: float,
        critic_only: bool,
        generator: np.random.Generator,
    ) -> UpdateStats:
        """Train on a batch for the configured number of epochs.

        Args:
            batch: scored.
            credit: of the same batch.
            learning_rate: of this update.
            kl_coef: of the divergence as a loss term.
            critic_only: change the critic's own weights only.
            generator: shuffles the episodes.
        """
        stats = UpdateStats()
        work = _Work(batch, credit, kl_coef, critic_only)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        for mask in self._minibatches(batch, credit.mask, generator):
            self._minibatch(work, mask, stats)
            if stats.stopped:
                break
        if stats.steps:
            self.policy.mark_updated()
        return stats

    def _minibatches(self, batch: TokenBatch, mask: BoolArray, generator: np.random.Generator) -> Iterator[BoolArray]:
        """In every epoch, deal the episodes with trained tokens into minibatches; yields the tokens [N] of each."""
        trained = np.unique(batch.trajectory_index[mask])
        for _ in range(self.config.n_epochs):
            parts = np.array_split(generator.permutation(trained), self.config.n_minibatches)
            yield from (mask & np.isin(batch.trajectory_index, part) for part in parts if len(part))

    def _minibatch(self, work: _Work, mask: BoolArray, stats: UpdateStats) -> None:
        """Accumulate the gradient of one minibatch over its micro-batches, and step."""
        self.optimizer.zero_grad(set_to_none=True)
        terms = self._accumulate(work, mask)
        norm = self._clip_gradient(work.critic_only)
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

    def _accumulate(self, work: _Work, mask: BoolArray) -> dict[str, Tensor]:
        """Add up gradients and terms over micro-batches; every divisor is the minibatch's."""
        weight = np.zeros(len(mask), dtype=np.float32)
        weight[mask] = self.algorithm.normalizer(work.batch.trajectory_index[mask], self.config)
        mean_weight = 1.0 / int(mask.sum())
        sums: dict[str, Tensor] = {}
        for rows in microbatches(work.batch, mask, self.config.microbatch_tokens):
            tokens = self._loss_inputs(work, rows, weight, mean_weight)
            loss = self.algorithm.loss(tokens, self.config)
            loss.total.backward()
            importance = mean_weight * tokens.importance.sum()
            share = {"loss": loss.total, **loss.terms, "approx_kl": _approx_kl(tokens), "importance": importance}
            for name, term in share.items():
                sums[name] = sums.get(name, 0) + term.detach()
            ratio = (tokens.logprobs.detach() - tokens.old_logprobs).max().exp()
            sums["ratio_max"] = torch.maximum(sums.get("ratio_max", ratio), ratio)
        return sums

    def _loss_inputs(self, work: _Work, rows: Rows, weight: FloatArray, mean_weight: float) -> LossInputs:
        scores = self.policy.score(rows.token_ids, rows.attention_mask, rows.select, rows.temperature)

        def at(flat: FloatArray) -> Tensor:
            return torch.from_numpy(flat[rows.tokens]).to(scores.logprobs.device, torch.float32)

        batch, old_logprobs = work.batch, at(work.batch.old_logprobs)
        return LossInputs(
            logprobs=scores.logprobs,
            entropy=scores.entropy,
            values=scores.values if scores.values is not None else torch.full_like(scores.entropy, math.nan),
            old_logprobs=old_logprobs,
            ref_logprobs=at(batch.ref_logprobs),
            old_values=at(batch.values),
            advantages=at(work.credit.advantages),
            returns=at(work.credit.returns),
            importance=truncated_importance(old_logprobs, at(batch.behavior_logprobs), self.config.importance_cap),
            weight=at(weight),
            mean_weight=mean_weight,
            kl_coef=work.kl_coef,
        )

    def _clip_gradient(self, critic_only: bool) -> Tensor:
        """Clip the gradient's norm and return it as it was; while the critic warms up, drop everyone else's."""
        if critic_only:
            for name, parameter in self.named_parameters:
                if not name.startswith(CRITIC_PREFIX):
                    parameter.grad = None
        parameters = [parameter for _, parameter in self.named_parameters]
        return torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm)


@dataclass(frozen=True)
class _Work:
    """What stays the same through one update."""

    batch: TokenBatch
    credit: Credit
    kl_coef: float
    critic_only: bool


def _approx_kl(tokens: LossInputs) -> Tensor:
    """Return this micro-batch's share of the mean KL(old || new), estimated by k3 from the old policy's tokens."""
    return tokens.mean_weight * k3(tokens.old_logprobs, tokens.logprobs.detach()).sum()
