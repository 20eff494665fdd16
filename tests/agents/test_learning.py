"""Probes: every algorithm learns what is easy, in seconds."""

from __future__ import annotations

from typing import Any

import pytest

from agents import Callback
from agents.algorithms.settings import TrustRegion
from agents.trainer.agent import Agent
from agents.trainer.agents import AGENTS
from tests.agents.build import tiny_policy
from tests.agents.probes import ANSWERS, Probe, observation

OWN: dict[str, dict[str, Any]] = {
    "trpo": {"trust_region": TrustRegion(max_kl=0.1, cg_steps=5, cg_damping=0.01)},
}
"""The settings that stand in for the learning rate where it does not move the policy."""


class UntilLearned(Callback):
    """Stop when the sampled success is high."""

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> bool:
        return metrics["success"] < 0.95


@pytest.mark.parametrize("conditional", [False, True], ids=["constant", "conditional"])
@pytest.mark.parametrize("agent", AGENTS.values(), ids=AGENTS)
def test_probe_is_learned(agent: type[Agent], conditional: bool) -> None:
    settings: dict[str, Any] = {"n_episodes_per_update": 64, "max_new_tokens": 1, "learning_rate": 3e-3}
    settings |= OWN.get(agent.algorithm.name, {})
    trained = agent(tiny_policy(), lambda: Probe(conditional), **settings)
    trained.learn(64 * 150, callback=UntilLearned())
    assert trained.trainer.update < 150
    for shown in ANSWERS:
        answer, _ = trained.predict(observation("", ("user", shown)))
        assert ANSWERS[shown if conditional else "a"](answer)
