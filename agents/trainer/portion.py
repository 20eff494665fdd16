"""What one step of an update is made from: tokens of a batch, in micro-batches, with the divisors of them all."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from agents.algorithms.base import AnyAlgorithm, Credit, CriticInputs, Loss, LossInputs
from agents.algorithms.config import TrainConfig
from agents.distributed.ranks import Ranks
from agents.losses.kl import k3
from agents.policies.scores import TokenScores
from agents.trainer.microbatch import Rows, microbatches
from agents.trajectory import BoolArray, FloatArray, TokenBatch


@dataclass
class UpdateStats:
    """What happened in one update.

    Attributes:
        terms: the losses' named terms, one figure per step that has them.
        steps: steps made.
        skipped: steps not made because a loss or a gradient was not finite.
        stopped: whether `target_kl` ended the update early.
    """

    terms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    steps: int = 0
    skipped: int = 0
    stopped: bool = False

    def metrics(self) -> dict[str, float]:
        """Return each term's mean over the steps (`..._max`: its maximum), and the counts."""
        return {
            **{n: float(max(v) if n.endswith("_max") else np.mean(v)) for n, v in self.terms.items()},
            "optimizer_steps": float(self.steps),
            "skipped_steps": float(self.skipped),
            "stopped_early": float(self.stopped),
        }


class Terms:
    """A loss's terms, added up over the micro-batches of one step.

    Attributes:
        figures: the loss and its named terms; scalars.
    """

    def __init__(self) -> None:
        self.figures: dict[str, Tensor] = {}

    def add(self, loss: Loss) -> None:
        """Add a micro-batch's share; of ``..._max`` the larger one stays."""
        self._join({name: term.detach() for name, term in {"loss": loss.total, **loss.terms}.items()})

    def over(self, ranks: Ranks) -> dict[str, Tensor]:
        """Return the figures of what all ranks have added."""
        if ranks.size == 1:
            return self.figures
        whole = Terms()
        for part in ranks.gather({name: figure.item() for name, figure in self.figures.items()}):
            whole._join({name: torch.tensor(figure, device=ranks.device) for name, figure in part.items()})
        return whole.figures

    def _join(self, shares: dict[str, Tensor]) -> None:
        for name, share in shares.items():
            known = self.figures.get(name, share if name.endswith("_max") else 0 * share)
            self.figures[name] = torch.maximum(known, share) if name.endswith("_max") else known + share


def with_drift(loss: Loss, tokens: LossInputs) -> Loss:
    """Return the loss with how far the policy is from the one that sampled among its terms.

    ``approx_kl`` estimates KL(old || new) by k3, from the old policy's tokens.
    """
    logprobs = tokens.logprobs.detach()
    drift = {
        "approx_kl": tokens.mean_weight * k3(tokens.old_logprobs, logprobs).sum(),
        "importance": tokens.mean_weight * tokens.importance.sum(),
        "ratio_max": tokens.log_ratio.detach().max().exp(),
    }
    return Loss(loss.total, {**loss.terms, **drift})


@dataclass(frozen=True)
class Work:
    """What stays the same through one update.

    Attributes:
        batch: scored.
        credit: of the same batch.
        importance: [N] the weight of each token that corrects for the sampler.
        kl_coef: of the divergence as a loss term.
        entropy_coef: of the entropy bonus.
    """

    batch: TokenBatch
    credit: Credit
    importance: FloatArray
    kl_coef: float
    entropy_coef: float


@dataclass(frozen=True)
class Portion:
    """The tokens that one step is made from.

    A step's sums are divided by counts over all of them, never over a micro-batch, so that a split into micro-batches
    changes nothing.

    Attributes:
        work: of which this is a portion.
        microbatches: rows that hold the tokens.
        weight: [N] of each token in the policy's terms; 0 on tokens that are not in the portion.
        mean_weight: 1 / tokens.
    """

    work: Work
    microbatches: list[Rows]
    weight: FloatArray
    mean_weight: float

    @classmethod
    def of(cls, work: Work, mask: BoolArray, algorithm: AnyAlgorithm, config: TrainConfig) -> Portion:
        """Return the tokens of `mask` [N], of which there is at least one."""
        weight = np.zeros(len(mask), dtype=np.float32)
        weight[mask] = algorithm.normalizer(work.batch.trajectory_index[mask], config)
        whole = algorithm.whole_episodes(config)
        rows = microbatches(work.batch, mask, config.microbatch_tokens, whole_episodes=whole)
        return cls(work, rows, weight, 1.0 / int(mask.sum()))

    def loss_inputs(self, scores: TokenScores, rows: Rows) -> LossInputs:
        """Return what the whole loss needs of a micro-batch that the policy has scored."""
        like, batch = scores.logprobs, self.work.batch
        values = scores.values if scores.values is not None else torch.full_like(like, math.nan)
        return LossInputs(
            **vars(self.critic_inputs(values, rows)),
            episode=torch.from_numpy(batch.trajectory_index[rows.tokens]).to(like.device),
            logprobs=scores.logprobs,
            entropy=scores.entropy,
            old_logprobs=_at(batch.old_logprobs, rows, like),
            ref_logprobs=_at(batch.ref_logprobs, rows, like),
            advantages=_at(self.work.credit.advantages, rows, like),
            importance=_at(self.work.importance, rows, like),
            weight=_at(self.weight, rows, like),
            kl_coef=self.work.kl_coef,
            entropy_coef=self.work.entropy_coef,
        )

    def critic_inputs(self, values: Tensor, rows: Rows) -> CriticInputs:
        """Return what the critic's loss needs of a micro-batch with these values [n]."""
        return CriticInputs(
            values=values,
            old_values=_at(self.work.batch.values, rows, values),
            returns=_at(self.work.credit.returns, rows, values),
            mean_weight=self.mean_weight,
        )


Share = Callable[[Portion, Rows], Loss]
"""Runs as much of the policy on one micro-batch as it needs, and returns its share of the step's loss."""


def _at(flat: FloatArray, rows: Rows, like: Tensor) -> Tensor:
    """Return a batch's numbers [n] at the selected tokens."""
    return torch.from_numpy(flat[rows.tokens]).to(like.device, like.dtype)
