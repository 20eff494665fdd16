"""Who takes the probes: every algorithm, and GRPO's relatives, with the smallest policy there is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from agents import Callback
from agents.algorithms.settings import TrustRegion
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.tiny import build_tiny
from agents.trainer.agent import Agent
from agents.trainer.agents import AGENTS
from tests.agents.probes import Probe, observation

OWN: Mapping[str, Mapping[str, Any]] = {
    "trpo": {"trust_region": TrustRegion(max_kl=0.3, cg_steps=3, cg_damping=0.01), "n_epochs": 1, "n_minibatches": 1},
    # Without a critic or a group it settles too early otherwise: one seed of five never copies.
    "reinforce": {"entropy_coef": 0.05},
}
"""What differs from the defaults: what moves the policy where no learning rate does, and an entropy bonus."""


OFTEN = 0.95
"""Share of an update's sampled episodes that have to be right in a solved probe."""


@dataclass(frozen=True)
class Attempt:
    """How an algorithm fared on a probe.

    Attributes:
        solved: whether in time 95 % of an update's sampled episodes were right, and every opening greedily after it.
        updates: done.
        episodes: played, those that a filter replaced included.
        wall_s: wall time in seconds, from the policy's building on.
        cpu_s: processor time in seconds.
    """

    solved: bool
    updates: int
    episodes: int
    wall_s: float
    cpu_s: float


class UntilSolved(Callback):
    """Stops as soon as a probe is solved."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.solved, self.episodes = False, 0

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> bool:
        self.episodes = int(metrics["episodes"])
        often = metrics["success"] >= OFTEN
        self.solved = often and all(_answers(agent, self.probe, opening) for opening in self.probe.openings)
        return not self.solved


@dataclass(frozen=True)
class Contestant:
    """An algorithm, or a relative that is a setting of one.

    Attributes:
        name: for tables.
        agent: of the algorithm.
        settings: of its own.
    """

    name: str
    agent: type[Agent]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def attempt(self, probe: Probe, seed: int) -> Attempt:
        """Train until the probe is learned or its updates are spent; the seed is that of weights, items and noise."""
        wall, cpu = time.perf_counter(), time.process_time()
        settings: dict[str, Any] = {
            "n_episodes_per_update": probe.episodes,
            "learning_rate": probe.learning_rate,
            "max_new_tokens": 1,
            "microbatch_tokens": 8192,
            "seed": seed,
            **self.settings,
        }
        if "filters" in settings:
            # A turn of one token is always cut at its limit: to leave out cut turns would leave out all of them.
            settings["filters"] = replace(settings["filters"], mask_overlong=False)
        agent = self.agent(self.policy(probe, seed), probe.env, **settings)
        watch = UntilSolved(probe)
        agent.learn(probe.episodes * probe.updates, callback=watch)
        spent = round(time.perf_counter() - wall, 2), round(time.process_time() - cpu, 2)
        return Attempt(watch.solved, agent.trainer.update, watch.episodes, *spent)

    def policy(self, probe: Probe, seed: int) -> CausalLMPolicy:
        """Return the policy that the algorithm begins with."""
        policy = build_tiny((), replace(probe.model, seed=seed))
        if self.agent.algorithm.trust_region is None:
            # Beside 1,000 tokens several times as fast as attention that can be differentiated twice.
            policy.model.set_attn_implementation("sdpa")
        return taught(policy, probe) if probe.vocabulary else policy


def taught(policy: CausalLMPolicy, probe: Probe) -> CausalLMPolicy:
    """Teach a policy to answer with one of the probe's vocabulary, each as likely after every opening."""
    chat = policy.chat
    prompts = [chat.prompt_ids(observation("", ("user", opening))) for opening in probe.openings]
    rows = torch.tensor([ids + chat.action_ids(answer)[:1] for ids in prompts for answer in probe.vocabulary])
    select = torch.zeros_like(rows, dtype=torch.bool)
    select[:, -1] = True
    optimizer = torch.optim.AdamW([weight for _, weight in policy.trainable_parameters()], lr=1e-2)
    for _ in range(25):
        optimizer.zero_grad()
        scores = policy.score(rows, torch.ones_like(select), select, torch.ones(rows.shape))
        (-scores.logprobs.mean()).backward()
        optimizer.step()
    policy.freeze_reference()
    return policy


def _answers(agent: Agent, probe: Probe, opening: str) -> bool:
    """Return whether the greedy first action decides the probe rightly."""
    return probe.judge(opening, [agent.predict(observation("", ("user", opening)))[0]])


def _contestants() -> dict[str, Contestant]:
    """Return every algorithm, and every published relative that is a setting of one, by name."""
    made = [Contestant(name, agent, OWN.get(name, {})) for name, agent in AGENTS.items()]
    for agent in AGENTS.values():
        for title, settings in agent.algorithm.variants.items():
            made.append(Contestant(title.partition(" (")[0], agent, settings))
    return {contestant.name: contestant for contestant in made}


CONTESTANTS = _contestants()
