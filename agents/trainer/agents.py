"""The agents that people use: one class per algorithm, with the algorithm's settings as explicit keywords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.algorithms import a2c, grpo, ppo, reinforce, reinforce_plus_plus, rloo, trpo
from agents.algorithms.base import AnyAlgorithm
from agents.algorithms.registry import find_algorithm
from agents.trainer.agent import Agent


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PPO(Agent, ppo.PPOConfig):
    """Token-level proximal policy optimisation with a critic; see `agents.algorithms.ppo`."""

    algorithm: ClassVar[AnyAlgorithm] = ppo.ALGORITHM


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class A2C(Agent, a2c.A2CConfig):
    """Advantage actor-critic; see `agents.algorithms.a2c`."""

    algorithm: ClassVar[AnyAlgorithm] = a2c.ALGORITHM


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TRPO(Agent, trpo.TRPOConfig):
    """Trust-region policy optimisation; see `agents.algorithms.trpo`."""

    algorithm: ClassVar[AnyAlgorithm] = trpo.ALGORITHM


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class REINFORCE(Agent, reinforce.REINFORCEConfig):
    """The policy gradient through the return to go; see `agents.algorithms.reinforce`."""

    algorithm: ClassVar[AnyAlgorithm] = reinforce.ALGORITHM


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class REINFORCEPlusPlus(Agent, reinforce_plus_plus.REINFORCEPlusPlusConfig):
    """REINFORCE++; see `agents.algorithms.reinforce_plus_plus`."""

    algorithm: ClassVar[AnyAlgorithm] = reinforce_plus_plus.ALGORITHM


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RLOO(Agent, rloo.RLOOConfig):
    """REINFORCE leave-one-out; see `agents.algorithms.rloo`."""

    algorithm: ClassVar[AnyAlgorithm] = rloo.ALGORITHM


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GRPO(Agent, grpo.GRPOConfig):
    """Group-relative policy optimisation and its relatives; see `agents.algorithms.grpo`."""

    algorithm: ClassVar[AnyAlgorithm] = grpo.ALGORITHM


AGENTS: dict[str, type[Agent]] = {
    agent.algorithm.name: agent for agent in (PPO, A2C, TRPO, REINFORCE, REINFORCEPlusPlus, RLOO, GRPO)
}


def agent_class(name: str) -> type[Agent]:
    """Return the agent of the algorithm called `name`.

    Raises:
        UnknownNameError: if there is none; it gives the nearest names.
    """
    return AGENTS[find_algorithm(name).name]
