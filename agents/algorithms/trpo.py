"""Trust-region policy optimisation at token level: one natural-gradient step per batch, and a critic fitted apart.

    maximise  E[ ratio A ]   subject to   E[ KL(new || old) ] <= max_kl

where the expectations are means over trained tokens, `ratio` is new/old, and the divergence is that of the whole
next-token distributions. The direction solves `(F + damping I) x = g` by conjugate gradient, `F` the Fisher matrix;
the longest step along it that the quadratic model of the divergence allows is shortened until the objective rises and
the divergence itself keeps the bound. Where no length will do, the policy stays as it is.

Source: Schulman et al. 2015, "Trust Region Policy Optimization", equation 14 and appendix C. The direction of the
divergence is sb3-contrib's; its curvature at the old policy, and so the step's direction, is that of KL(old || new).

The critic is fitted by epochs of the optimiser's steps, in which only its own weights move: never the policy's trunk.
Needs eager attention: the fused kernels cannot be differentiated twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.algorithms.actor_critic import ActorCriticConfig, critic_pace, gae_credit, value_loss
from agents.algorithms.base import Algorithm, Loss, LossInputs, ValueLearning, policy_loss
from agents.algorithms.settings import TrustRegion
from agents.losses import weights
from agents.losses.surrogate import unclipped
from agents.trajectory import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class TRPOConfig(ActorCriticConfig):
    """Settings of TRPO; those of the optimiser, of epochs and minibatches are the critic's."""

    learning_rate: float = 1e-4
    """Peak learning rate of AdamW, which fits the critic; how far the policy moves is said by trust_region."""
    n_epochs: int = 5
    """Passes of the critic over the collected episodes."""
    n_minibatches: int = 2
    """Optimiser steps of the critic per pass; each sees its share of the episodes."""
    trust_region: TrustRegion = TrustRegion()
    """How far the policy's step may go, and how hard it is sought."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        self._require(self.target_kl is None, "target_kl", "the policy makes one step; bound it by trust_region.max_kl")


def loss(tokens: LossInputs, config: TRPOConfig) -> Loss:
    """Return the surrogate ``-ratio A``, never clipped, with entropy bonus and divergence from the reference."""
    surrogate = -tokens.log_ratio.exp() * tokens.advantages
    return policy_loss(tokens, unclipped(surrogate, tokens.log_ratio), config)


def normalizer(trajectory_index: IntArray, config: TRPOConfig) -> FloatArray:
    """Return the mean over all trained tokens."""
    del config
    return weights.per_token(trajectory_index)


ALGORITHM = Algorithm(
    name="trpo",
    title="Trust-region policy optimisation: one natural-gradient step per batch, critic fitted apart",
    paper="Schulman et al. 2015, https://arxiv.org/abs/1502.05477",
    equations=(
        "maximise  mean_t[ ratio_t A_t ]   subject to   mean_t[ KL(new || old)_t ] <= max_kl",
        "step = fraction sqrt(2 max_kl / x'(F + damping I)x) x,   (F + damping I) x = gradient",
        "fraction = 1, shrink, shrink^2 ... until the objective rises and the divergence is below max_kl; else 0",
        "critic: minimise  mean_t[ (R_t - V_t)^2 ]  over its own weights",
    ),
    oracle="sb3-contrib's TRPO.train in float64: direction, accepted length, every weight, and numpy.linalg.solve",
    config=TRPOConfig,
    credit=gae_credit,
    loss=loss,
    normalizer=normalizer,
    critic=ValueLearning(value_loss, critic_pace),
    trust_region=lambda config: config.trust_region,
)
