"""Every algorithm from the same supervised start on MultiTurnRewrite-v0, for equal time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents import Callback
from agents.algorithms.config import TrainConfig
from agents.algorithms.registry import find_algorithm
from agents.cli.quickstart import Options, train_options
from agents.cli.settings import settings_of, with_values
from agents.cli.train import resolve, set_arithmetic
from agents.policies.causal_lm import CausalLMPolicy
from agents.trainer.agent import Agent
from agents.trainer.agents import agent_class
from tests.cells import Cell, run_cell
from tests.proofs.starts import supervised_start

SECONDS = 60
"""Processor time of the training on one thread: wall time, on a machine that does nothing else."""

SHARED = {
    "learning_rate": 2e-4,
    "n_episodes_per_update": 256,
    "microbatch_tokens": 4096,
    "max_new_tokens": 32,
    "kl_coef": 0.05,
    "kl_placement": "loss",
    "kl_estimator": "k2",
}
"""What every algorithm is given; all else is its default."""

OWN: Mapping[str, Mapping[str, Any]] = {
    "ppo": {"gae_lambda": 1.0},
    "a2c": {"gae_lambda": 1.0},
    # With the curvature of all 256 episodes an update takes 45 seconds.
    "trpo": {"gae_lambda": 1.0, "trust_region.fisher_every": 16},
}
"""What the critic's algorithms are given beside it: at lambda below 1 a critic that knows nothing yet misleads them."""


class UntilSpent(Callback):
    """Stops the training after the update that ends nearest to its time, as far as the updates before can tell.

    Attributes:
        spent: processor time of the training so far, in seconds.
    """

    def on_training_start(self, agent: Agent) -> None:
        self.start = time.process_time()

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> bool:
        self.spent = time.process_time() - self.start
        half_an_update = 0.5 * self.spent / agent.trainer.update
        return self.spent + half_an_update < SECONDS


@dataclass(frozen=True)
class Contest:
    """One algorithm, or a relative that is a setting of one, over several seeds.

    Attributes:
        entrant: as the table names it.
        algorithm: of the registry.
        settings: of the relative, by field.
        seeds: of the start, the items and the sampling.
        needs: nothing.
    """

    entrant: str
    algorithm: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seeds: tuple[int, ...] = (0, 1, 2)
    needs: Path | None = None

    @property
    def name(self) -> str:
        """Of its cells."""
        return f"contest-{self.entrant}"

    def config(self, seed: int) -> TrainConfig:
        """Return all settings."""
        own = find_algorithm(self.algorithm).config(**self.settings)
        return with_values(own, {**SHARED, **OWN.get(self.algorithm, {}), "seed": seed})

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        command = f"python -m tests.proofs {self.name} --seed {seed}"
        return run_cell(self.name, seed, command, lambda: self.measure(seed), again=again)

    def measure(self, seed: int) -> Mapping[str, Any]:
        """Train for the time, and compare with the start on held-out dialogues."""
        options = train_options(Options(seed=seed))
        set_arithmetic(options.threads, options.matmul_precision)
        experiment = resolve(options, "ppo")
        folder = supervised_start("start", options)
        held_out = experiment.held_out
        before = held_out.measure(CausalLMPolicy.load(folder))
        policy = CausalLMPolicy.load(folder)
        config = self.config(seed)
        if find_algorithm(self.algorithm).trust_region is not None:
            policy.make_twice_differentiable()
        agent = agent_class(self.algorithm)(policy, experiment.env_id, env_kwargs=experiment.env_kwargs, config=config)
        clock = UntilSpent()
        agent.learn(total_episodes=10**6, callback=clock)
        table = held_out.compare(before, held_out.measure(policy))[0]
        return {
            "tables": [table.as_dict()],
            "updates": agent.trainer.update,
            "episodes": agent.trainer.update * agent.settings.n_episodes_per_update,
            "seconds": round(clock.spent, 1),
            "settings": _changed(config, find_algorithm(self.algorithm).config()),
        }


def _changed(config: TrainConfig, default: TrainConfig) -> Mapping[str, Any]:
    """Return the settings that differ, by dotted name."""
    usual = settings_of(default)
    return {n: setting.value for n, setting in settings_of(config).items() if setting.value != usual[n].value}


CONTEST = (
    *(Contest(name, name) for name in ("ppo", "a2c", "trpo", "reinforce", "reinforce_plus_plus", "rloo", "grpo")),
    *(
        Contest(title.partition(" (")[0].lower().replace(". ", "_"), "grpo", settings)
        for title, settings in find_algorithm("grpo").variants.items()
    ),
)
