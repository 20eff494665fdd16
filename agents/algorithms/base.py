"""Algorithm: the record that the loop runs, and what goes in and out of its two functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from torch import Tensor

from agents.algorithms.config import TrainConfig
from agents.algorithms.settings import TrustRegion
from agents.losses.kl import LOSS_ESTIMATORS
from agents.losses.surrogate import Surrogate
from agents.trajectory import BoolArray, FloatArray, IntArray, TokenBatch

C = TypeVar("C", bound=TrainConfig)


class Credit(NamedTuple):
    """What an algorithm makes of a batch before it is trained on.

    Attributes:
        advantages: [N] of each action token; anything where `mask` is false.
        returns: [N] the critic's targets; NaN without a critic.
        mask: [N] the tokens that give a loss. All others are never even selected.
    """

    advantages: FloatArray
    returns: FloatArray
    mask: BoolArray


@dataclass(frozen=True, kw_only=True)
class CriticInputs:
    """What the critic is trained on in one micro-batch; [n] each.

    Attributes:
        values: of the critic at the state before each token, with gradient; NaN without a critic.
        old_values: of the critic at collection; NaN without one.
        returns: the critic's targets; NaN without one.
        mean_weight: 1 / trained tokens of the minibatch.
    """

    values: Tensor
    old_values: Tensor
    returns: Tensor
    mean_weight: float


@dataclass(frozen=True, kw_only=True)
class LossInputs(CriticInputs):
    """The trained tokens of one micro-batch; [n] each, log-probabilities and entropy with gradient.

    Attributes:
        episode: which episode each token belongs to. A micro-batch holds all of an episode's trained tokens where the
            algorithm says so (`Algorithm.whole_episodes`).
        logprobs: of the policy being updated.
        entropy: of the distribution that each token was drawn from, in nats.
        old_logprobs: of the policy at collection.
        ref_logprobs: of the reference; NaN without one.
        advantages: of each token.
        importance: weight that corrects for the sampler.
        weight: of each token in the policy's terms; sums over the minibatch to what the algorithm's normaliser says.
        kl_coef: of the divergence as a loss term; 0 where it is charged elsewhere or not at all.
        entropy_coef: of the entropy bonus, as it is now: a steered one moves.
    """

    episode: Tensor
    logprobs: Tensor
    entropy: Tensor
    old_logprobs: Tensor
    ref_logprobs: Tensor
    advantages: Tensor
    importance: Tensor
    weight: Tensor
    kl_coef: float
    entropy_coef: float

    @property
    def log_ratio(self) -> Tensor:
        """[n] log of new over old probability of each token, with gradient."""
        return self.logprobs - self.old_logprobs


class Loss(NamedTuple):
    """A micro-batch's share of the minibatch's loss.

    Attributes:
        total: scalar to differentiate.
        terms: named scalars for the log, each of which adds up over micro-batches to the minibatch's figure.
    """

    total: Tensor
    terms: dict[str, Tensor]


class CriticPace(NamedTuple):
    """How fast a critic learns beside the policy.

    Attributes:
        warmup: how many updates at the start train the critic's own weights only.
        lr_scale: learning rate of its own weights, in multiples of everyone else's.
    """

    warmup: int
    lr_scale: float


@dataclass(frozen=True)
class ValueLearning(Generic[C]):
    """How an algorithm's critic is fitted.

    Attributes:
        loss: of one micro-batch, where the critic moves alone: only its own weights, and the policy is not run.
        pace: beside the policy's.
    """

    loss: Callable[[CriticInputs, C], Loss]
    pace: Callable[[C], CriticPace]


@dataclass(frozen=True)
class Algorithm(Generic[C]):
    """A policy-gradient algorithm, as data: the loop runs this record and never asks for its name.

    Attributes:
        name: as the registry and the command line know it.
        title: in one line.
        paper: where it comes from.
        equations: what is computed, in plain text.
        oracle: what its test compares it with.
        config: the dataclass of its settings; their defaults are the algorithm's.
        credit: gives every action token its advantage.
        loss: of one micro-batch: of the policy, and of a critic that moves with it.
        normalizer: the weight of each trained token of a minibatch, given its episodes [n].
        critic: how its value function learns alone; None if it needs none.
        trust_region: where given, one natural-gradient step on the whole batch, inside the region, moves the policy
            down `loss`, and the optimiser's epochs the critic alone. Needs a policy that can be differentiated twice.
        whole_episodes: whether the loss compares or adds up tokens of an episode, so that no micro-batch may part
            them.
        variants: published relatives that are settings of the same record: their names and the fields they set.
    """

    name: str
    title: str
    paper: str
    equations: tuple[str, ...]
    oracle: str
    config: type[C]
    credit: Callable[[TokenBatch, C], Credit]
    loss: Callable[[LossInputs, C], Loss]
    normalizer: Callable[[IntArray, C], FloatArray]
    critic: ValueLearning[C] | None = field(kw_only=True, default=None)
    trust_region: Callable[[C], TrustRegion] | None = field(kw_only=True, default=None)
    whole_episodes: Callable[[C], bool] = field(kw_only=True, default=lambda _: False)
    variants: Mapping[str, Mapping[str, Any]] = field(kw_only=True, default_factory=dict[str, Mapping[str, Any]])


AnyAlgorithm = Algorithm[Any]
"""An algorithm whose settings are not known to the type checker."""


def policy_loss(tokens: LossInputs, surrogate: Surrogate, config: TrainConfig) -> Loss:
    """Return a surrogate's loss with the terms that every algorithm has: entropy bonus, divergence from the reference.

    The divergence is weighted by the surrogate's own (constant) ratio new/old, so that its gradient stays right after
    the policy has moved away from the one that sampled: exactly right by a token's ratio, given the prefix, and by a
    whole episode's; GSPO's length-normalised ratio trades some bias for less variance there as in its surrogate.
    """
    policy = (tokens.weight * tokens.importance * surrogate.loss).sum()
    entropy = tokens.mean_weight * tokens.entropy.sum()
    clipped = tokens.mean_weight * surrogate.clipped.sum()
    total = policy
    if tokens.entropy_coef > 0:
        total = total - tokens.entropy_coef * entropy
    terms = {"policy_loss": policy, "entropy": entropy, "clip_fraction": clipped}
    if tokens.kl_coef > 0:
        estimate = LOSS_ESTIMATORS[config.kl_estimator](tokens.logprobs, tokens.ref_logprobs)
        kl = (tokens.weight * surrogate.ratio * estimate).sum()
        total = total + tokens.kl_coef * kl
        terms["kl_loss"] = kl
    return Loss(total, terms)
