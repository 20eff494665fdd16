"""Advantage actor-critic, synchronous: the plain policy gradient with a critic for a baseline.

    maximise  E[ A log pi ] - value_coef E[(R - V)^2] + entropy_coef E[H]

where every expectation is the mean over trained tokens, and `A` is held constant. One step per batch.
Source: Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning", section 4; with GAE for the n-step
return, as in stable-baselines3. Lambda 1 is the return to the end of the episode.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.algorithms.actor_critic import ActorCriticConfig, critic_pace, gae_credit, value_loss, with_critic
from agents.algorithms.base import Algorithm, Loss, LossInputs, ValueLearning
from agents.algorithms.single_step import SingleStepConfig, score_function_loss
from agents.losses import weights
from agents.trajectory import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class A2CConfig(SingleStepConfig, ActorCriticConfig):
    """Settings of A2C."""

    gae_lambda: float = 1.0
    """Lambda per action token; whole turns (credit_level=turn) have none."""
    turn_lambda: float = 1.0
    """Lambda from turn to turn, of credit_level=turn and nested."""


def loss(tokens: LossInputs, config: A2CConfig) -> Loss:
    """Return the policy gradient's loss with entropy bonus and the critic's squared error."""
    return with_critic(score_function_loss(tokens, config), value_loss(tokens, config))


def normalizer(trajectory_index: IntArray, config: A2CConfig) -> FloatArray:
    """Return the mean over all trained tokens."""
    del config
    return weights.per_token(trajectory_index)


ALGORITHM = Algorithm(
    name="a2c",
    title="Advantage actor-critic: the plain policy gradient with a critic, one step per batch",
    paper="Mnih et al. 2016, https://arxiv.org/abs/1602.01783",
    equations=(
        "maximise  mean_t[ A_t log pi(x_t) ] - value_coef mean_t[ (R_t - V_t)^2 ] + entropy_coef mean_t[ H_t ]",
        "A_t = delta_t + gamma lambda A_{t+1},   delta_t = reward_t + gamma V_{t+1} - V_t    (action tokens only)",
        "R_t = A_t + V_t",
    ),
    oracle="stable-baselines3's A2C.train: loss and every parameter's gradient",
    config=A2CConfig,
    credit=gae_credit,
    loss=loss,
    normalizer=normalizer,
    critic=ValueLearning(value_loss, critic_pace),
)
