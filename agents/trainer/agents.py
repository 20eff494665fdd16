"""The agents that people use: one class per algorithm, with the algorithm's settings as explicit keywords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from agents.algorithms import grpo, ppo
from agents.algorithms.base import AnyAlgorithm
from agents.algorithms.registry import find_algorithm
from agents.trainer.agent import Agent


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PPO(Agent, ppo.PPOConfig):
    """Token-level proximal policy optimisation with a critic; see `agents.algorithms.ppo`."""

    algorithm: ClassVar[AnyAlgorithm] = ppo.ALGORITHM


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GRPO(Agent, grpo.GRPOConfig):
    """Group-relative policy optimisation; see `agents.algorithms.grpo`."""

    algorithm: ClassVar[AnyAlgorithm] = grpo.ALGORITHM


AGENTS: dict[str, type[Agent]] = {agent.algorithm.name: agent for agent in (PPO, GRPO)}


def agent_class(name: str) -> type[Agent]:
    """Return the agent of the algorithm called `name`.

    Raises:
        UnknownNameError: if there is none; it gives the nearest names.
    """
    return AGENTS[find_algorithm(name).name]
