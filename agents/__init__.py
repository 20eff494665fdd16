"""The learner: policies, rollouts, credit, losses and the training loop. It owns the tokens.

Names are imported when they are first used, so that ``import agents`` is instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.algorithms.settings import (
        Checkpoints,
        Convergence,
        Curriculum,
        Exploration,
        Filters,
        Importance,
        KLControl,
    )
    from agents.evaluation import evaluate
    from agents.policies.causal_lm import CausalLMPolicy
    from agents.policies.reward_model import RewardEnsemble, RewardModel
    from agents.trainer.agents import A2C, GRPO, PPO, REINFORCE, RLOO, TRPO, REINFORCEPlusPlus
    from agents.trainer.callbacks import Callback
    from agents.trainer.convergence import HeldOutEvaluation

__all__ = [
    "A2C",
    "GRPO",
    "PPO",
    "REINFORCE",
    "RLOO",
    "TRPO",
    "Callback",
    "CausalLMPolicy",
    "Checkpoints",
    "Convergence",
    "Curriculum",
    "Exploration",
    "Filters",
    "HeldOutEvaluation",
    "Importance",
    "KLControl",
    "REINFORCEPlusPlus",
    "RewardEnsemble",
    "RewardModel",
    "evaluate",
]

_SETTINGS = ("Checkpoints", "Convergence", "Curriculum", "Exploration", "Filters", "Importance", "KLControl")
_HOMES = {
    **dict.fromkeys(_SETTINGS, "agents.algorithms.settings"),
    "CausalLMPolicy": "agents.policies.causal_lm",
    **dict.fromkeys(("RewardEnsemble", "RewardModel"), "agents.policies.reward_model"),
    **dict.fromkeys(("A2C", "GRPO", "PPO", "REINFORCE", "REINFORCEPlusPlus", "RLOO", "TRPO"), "agents.trainer.agents"),
    "Callback": "agents.trainer.callbacks",
    "HeldOutEvaluation": "agents.trainer.convergence",
    "evaluate": "agents.evaluation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
