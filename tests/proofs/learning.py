"""Language models that learn an environment: from one supervised start per seed, by several algorithms and credits.

A proof is the command that a user types, with its training told apart from its warm-up: both halves are timed, and the
warm-up of a seed is shared by all proofs of the environment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym

from agents import Callback
from agents.algorithms.registry import find_algorithm
from agents.cli.train import read_options, resolve, set_arithmetic
from agents.evaluation.held_out import HeldOut
from agents.evaluation.results import EvaluationResult
from agents.evaluation.text_scores import replay
from agents.policies.causal_lm import CausalLMPolicy
from agents.trainer.agent import Agent
from tests.cells import Cell, run_cell
from tests.proofs.starts import supervised_start

Assess = Callable[[EvaluationResult, HeldOut], Any]
"""Sums up an evaluation in a dataclass of numbers."""


class Watch(Callback):
    """Times the training by the processor, and measures the policy now and then, which is not counted.

    Attributes:
        spent: processor time of the training so far, in seconds.
        curve: update, seconds and what was measured.
    """

    def __init__(self, every: int, measure: Callable[[CausalLMPolicy], Mapping[str, float]]) -> None:
        self.spent = 0.0
        self.curve: list[dict[str, float]] = []
        self._every = every
        self._measure = measure

    def on_training_start(self, agent: Agent) -> None:
        """Take the first point."""
        self._look(agent)

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        """Stop the clock, and look."""
        self.spent += time.process_time() - self._began
        if self._every and agent.trainer.update % self._every == 0:
            self._look(agent)
        self._began = time.process_time()

    def _look(self, agent: Agent) -> None:
        if self._every:
            point = {"update": float(agent.trainer.update), "seconds": round(self.spent, 1)}
            self.curve.append({**point, **self._measure(agent.policy)})
        self._began = time.process_time()


def truths(result: EvaluationResult, place: HeldOut) -> list[list[Any]]:
    """Play what a policy wrote again, and return the hidden truth of its turns, episode by episode."""
    worlds = {
        group: gym.make(place.env_id, disable_env_checker=True, **{**settings, "split": place.split}).unwrapped
        for group, settings in place.groups.items()
    }
    return [[turn.truth for turn in replay(worlds[one.group], one)] for one in result.episodes]


@dataclass(frozen=True)
class Learning:
    """One command over several seeds.

    Attributes:
        name: of its cells.
        start: of the folders of its supervised starts.
        algorithm: of the registry.
        shared: arguments of ``textenvs train ALGORITHM`` that all proofs with this start have; the seed is added.
        own: further arguments.
        assess: sums up an evaluation, beside success and return.
        seeds: of the weights, the items and the sampling.
        every: updates between two points of the curve; 0 for no curve.
        points: items of a point.
        elsewhere: environment settings of further evaluations, by name.
        needs: nothing.
    """

    name: str
    start: str
    algorithm: str
    shared: tuple[str, ...]
    own: tuple[str, ...]
    assess: Assess
    seeds: tuple[int, ...] = (0, 1, 2)
    every: int = 0
    points: int = 100
    elsewhere: Mapping[str, Mapping[str, Any]] | None = None
    needs: Path | None = None

    @property
    def command(self) -> str:
        """What a user types."""
        return " ".join(["textenvs", "train", self.algorithm, *self.shared, *self.own])

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        return run_cell(self.name, seed, self.command, lambda: self.measure(seed), again=again)

    def measure(self, seed: int) -> Mapping[str, Any]:
        """Train from the seed's start, and compare with it on held-out items."""
        numbered = (*self.shared, "--seed", str(seed))
        options = read_options(find_algorithm(self.algorithm), [*numbered, *self.own])
        set_arithmetic(options.threads, options.matmul_precision)
        folder = supervised_start(self.start, read_options(find_algorithm("ppo"), numbered))
        experiment = resolve(options, self.algorithm)
        places = {"": experiment.held_out, **self._elsewhere(experiment.held_out)}
        before = {name: place.measure(CausalLMPolicy.load(folder)) for name, place in places.items()}
        policy = CausalLMPolicy.load(folder)
        agent = experiment.agent(policy, experiment.env_id, env_kwargs=experiment.env_kwargs, config=experiment.config)
        watch = Watch(self.every, lambda now: self._point(now, experiment.held_out))
        agent.learn(total_episodes=experiment.episodes, callback=watch)
        after = {name: place.measure(policy) for name, place in places.items()}
        return {
            "tables": [
                {**table.as_dict(), "place": name}
                for name, place in places.items()
                for table in place.compare(before[name], after[name])
            ],
            "assessed": {
                name: {
                    side: {mode: asdict(self.assess(result, place)) for mode, result in results[name].items()}
                    for side, results in (("before", before), ("after", after))
                }
                for name, place in places.items()
            },
            "curve": watch.curve,
            "updates": agent.trainer.update,
            "episodes": experiment.episodes,
            "training_cpu_s": round(watch.spent, 1),
        }

    def _elsewhere(self, held_out: HeldOut) -> dict[str, HeldOut]:
        return {
            name: HeldOut(
                env_id=held_out.env_id,
                groups={group: {**kwargs, **settings} for group, kwargs in held_out.groups.items()},
                episodes=held_out.episodes,
                max_new_tokens=held_out.max_new_tokens,
                split=held_out.split,
            )
            for name, settings in (self.elsewhere or {}).items()
        }

    def _point(self, policy: CausalLMPolicy, held_out: HeldOut) -> Mapping[str, float]:
        """Return the greedy policy's figures on a few items."""
        few = HeldOut(
            env_id=held_out.env_id,
            groups=held_out.groups,
            episodes=self.points,
            max_new_tokens=held_out.max_new_tokens,
            split=held_out.split,
        )
        result = few.measure(policy)["greedy"]
        figures = asdict(self.assess(result, few))
        return {"success": result.success.estimate, "return": result.episode_return.estimate, **figures}
