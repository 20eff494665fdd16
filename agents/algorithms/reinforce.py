"""REINFORCE: the policy gradient through the return to go, without a critic.

    maximise  E[ (G - b) log pi ]

where the expectation is the mean over trained tokens and `G_t` is the discounted sum of the rewards from token `t` on.
One step per batch.
Source: Williams 1992, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning",
equation 4; the return to go in place of the whole return: Sutton et al. 2000.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.algorithms.base import Algorithm
from agents.algorithms.monte_carlo import MonteCarloConfig, return_credit
from agents.algorithms.single_step import SingleStepConfig, score_function_loss
from agents.losses import weights
from agents.trajectory import FloatArray, IntArray


@dataclass(frozen=True, kw_only=True)
class REINFORCEConfig(SingleStepConfig, MonteCarloConfig):
    """Settings of REINFORCE."""


def normalizer(trajectory_index: IntArray, config: REINFORCEConfig) -> FloatArray:
    """Return the mean over all trained tokens."""
    del config
    return weights.per_token(trajectory_index)


ALGORITHM = Algorithm(
    name="reinforce",
    title="REINFORCE: the policy gradient through the return to go, no critic, one step per batch",
    paper="Williams 1992, https://doi.org/10.1007/BF00992696",
    equations=(
        "maximise  mean_t[ A_t log pi(x_t) ] + entropy_coef mean_t[ H_t ]",
        "A_t = (G_t - mean(G)) / std(G)  over the batch's trained tokens; G_t itself, if not normalised",
        "G_t = reward_t + gamma G_{t+1}    (action tokens only)",
    ),
    oracle="the exact gradient of a tabular policy's expected return, by enumeration of all its sequences",
    config=REINFORCEConfig,
    credit=return_credit,
    loss=score_function_loss,
    normalizer=normalizer,
)
