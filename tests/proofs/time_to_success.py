"""From the same supervised start to the same held-out success: our GRPO beside TRL's, in processor seconds.

Both play MultiTurnRewrite-v0 as the quickstart does, with the same model, settings and number of episodes, and take
turns in one process. Every second update both are measured greedily on the same `valid` dialogues, whose time does not
count. A success is reached at the first measurement at or above it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from agents import GRPO
from agents.algorithms.grpo import GRPOConfig
from agents.cli.quickstart import Options, train_options
from agents.cli.train import resolve, set_arithmetic
from agents.evaluation.held_out import HeldOut
from agents.policies.causal_lm import CausalLMPolicy
from agents.trainer.agent import Agent
from tests.benchmarks.training import timed
from tests.cells import Cell, run_cell
from tests.proofs.starts import supervised_start

GOALS = (0.7, 0.75, 0.8)
"""Held-out success; the training ends at the last."""
EVERY = 2
"""Updates between two measurements."""
UPDATES = 30
"""At most."""
EPISODES = 256
GROUP = 8
TURNS = 2
WRITTEN = 32
LEARNING_RATE = 2e-4
BATCH = 32
"""Episodes in one of TRL's forward passes; with 64 and 256, which pad more, a step took longer."""

OURS = GRPOConfig(
    learning_rate=LEARNING_RATE,
    n_episodes_per_update=EPISODES,
    group_size=GROUP,
    microbatch_tokens=4096,
    max_new_tokens=WRITTEN,
)
THEIRS: Mapping[str, Any] = {
    "learning_rate": LEARNING_RATE,
    "lr_scheduler_type": "constant",
    "max_steps": UPDATES,
    "per_device_train_batch_size": BATCH,
    "gradient_accumulation_steps": EPISODES // BATCH,
    "num_generations": GROUP,
    "max_completion_length": 192,
    "max_tool_calling_iterations": TURNS,
    "generation_kwargs": {"max_new_tokens": WRITTEN},
    "loss_type": "grpo",
}


@dataclass
class Course:
    """How one contender fares.

    Attributes:
        policy: that is trained.
        held_out: what it is measured on.
        seconds: of the processor, in training so far.
        updates: so far.
        curve: updates, seconds and success at every measurement.
    """

    policy: CausalLMPolicy
    held_out: HeldOut
    seconds: float = 0.0
    updates: int = 0
    curve: list[tuple[int, float, float]] = field(default_factory=list[tuple[int, float, float]])

    @property
    def over(self) -> bool:
        """Whether the last goal is reached, or there is no time left for it."""
        return self.updates >= UPDATES or bool(self.curve and self.curve[-1][2] >= GOALS[-1])

    def went_on(self, seconds: float) -> None:
        """Note an update, and measure where it is time."""
        self.seconds, self.updates = self.seconds + seconds, self.updates + 1
        if self.updates % EVERY == 0:
            self.measure()

    def measure(self) -> None:
        """Measure the policy as it is."""
        self.policy.mark_updated()
        success = self.held_out.measure(self.policy)["greedy"].success.estimate
        self.curve.append((self.updates, round(self.seconds, 1), success))
        print(self.curve[-1], flush=True)

    def reached(self, goal: float) -> float:
        """Return the seconds to a success; infinite where it never was."""
        return next((seconds for _, seconds, success in self.curve if success >= goal), math.inf)


@dataclass(frozen=True)
class TimeToSuccess:
    """Both contenders, over several seeds.

    Attributes:
        name: of its cells.
        seeds: of the start, the items and the sampling.
        needs: nothing.
    """

    name: str
    seeds: tuple[int, ...] = (0, 1, 2)
    needs: Path | None = None

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        command = f"python -m tests.proofs {self.name} --seed {seed}"
        return run_cell(self.name, seed, command, lambda: measure(seed), again=again)


def measure(seed: int) -> Mapping[str, Any]:
    """Train both from the start of this seed; return their curves, and the seconds to every goal."""
    from tests.proofs import trl_rewrite  # TRL takes seconds to import

    options = train_options(Options(seed=seed, held_out=100))
    set_arithmetic(options.threads, options.matmul_precision)
    experiment = resolve(options, "ppo")
    start = supervised_start("start", options)
    held_out = replace(experiment.held_out, split="valid")
    ours, theirs = (Course(CausalLMPolicy.load(start), held_out) for _ in range(2))
    agent = GRPO(ours.policy, experiment.env_id, env_kwargs=experiment.env_kwargs, config=replace(OURS, seed=seed))
    agent.trainer.plan(10**6, resume=False)
    for course in (ours, theirs):
        course.measure()

    def told(seconds: float) -> bool:
        theirs.went_on(seconds)
        _step(agent, ours)
        theirs.policy.train()
        return not theirs.over

    items = np.random.default_rng(seed).integers(2**31, size=UPDATES * EPISODES // GROUP).tolist()
    settings = {**THEIRS, "seed": seed}
    trl_rewrite.train(theirs.policy, experiment.env_id, experiment.env_kwargs, items, settings, told)
    while not ours.over:
        _step(agent, ours)
    goals = {str(goal): [_finite(course.reached(goal)) for course in (ours, theirs)] for goal in GOALS}
    return {"goals": goals, "ours": ours.curve, "trl": theirs.curve}


def _step(agent: Agent, course: Course) -> None:
    if not course.over:
        course.policy.eval()
        course.went_on(timed(lambda: agent.trainer.step(lambda: None))[1])


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None
