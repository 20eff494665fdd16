"""What one step of an update is made from: tokens of a batch, in micro-batches, with the divisors of them all."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from agents.algorithms.base import AnyAlgorithm, Credit, Loss, LossInputs
from agents.algorithms.config import TrainConfig
from agents.losses.kl import k3
from agents.trainer.microbatch import Rows, microbatches
from agents.trainer.protocols import TrainablePolicy
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
        figures: the loss, its named terms, and how far the policy is from the one that sampled; scalars.
    """

    def __init__(self) -> None:
        self.figures: dict[str, Tensor] = {}

    def add(self, tokens: LossInputs, loss: Loss) -> None:
        """Add a micro-batch's share: ``approx_kl`` estimates KL(old || new) by k3, from the old policy's tokens."""
        logprobs = tokens.logprobs.detach()
        share = {
            "loss": loss.total,
            **loss.terms,
            "approx_kl": tokens.mean_weight * k3(tokens.old_logprobs, logprobs).sum(),
            "importance": tokens.mean_weight * tokens.importance.sum(),
        }
        for name, term in share.items():
            self.figures[name] = self.figures.get(name, 0) + term.detach()
        ratio = (logprobs - tokens.old_logprobs).max().exp()
        self.figures["ratio_max"] = torch.maximum(self.figures.get("ratio_max", ratio), ratio)


@dataclass(frozen=True)
class Work:
    """What stays the same through one update.

    Attributes:
        batch: scored.
        credit: of the same batch.
        importance: [N] the weight of each token that corrects for the sampler.
        kl_coef: of the divergence as a loss term.
        entropy_coef: of the entropy bonus.
        critic_only: change the critic's own weights only.
    """

    batch: TokenBatch
    credit: Credit
    importance: FloatArray
    kl_coef: float
    entropy_coef: float
    critic_only: bool


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

    def loss_inputs(self, policy: TrainablePolicy, rows: Rows) -> LossInputs:
        """Run the policy on one of the micro-batches."""
        scores = policy.score(rows.token_ids, rows.attention_mask, rows.select, rows.temperature)

        def at(flat: FloatArray) -> Tensor:
            return torch.from_numpy(flat[rows.tokens]).to(scores.logprobs.device, scores.logprobs.dtype)

        batch = self.work.batch
        return LossInputs(
            episode=torch.from_numpy(batch.trajectory_index[rows.tokens]).to(scores.logprobs.device),
            logprobs=scores.logprobs,
            entropy=scores.entropy,
            values=scores.values if scores.values is not None else torch.full_like(scores.entropy, math.nan),
            old_logprobs=at(batch.old_logprobs),
            ref_logprobs=at(batch.ref_logprobs),
            old_values=at(batch.values),
            advantages=at(self.work.credit.advantages),
            returns=at(self.work.credit.returns),
            importance=at(self.work.importance),
            weight=at(self.weight),
            mean_weight=self.mean_weight,
            kl_coef=self.work.kl_coef,
            entropy_coef=self.work.entropy_coef,
        )
