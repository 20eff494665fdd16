"""Rollout and update against the bare loop and against TRL, side by side in one run.

The processor's time with one thread is taken, so that other work on the machine counts for less, and what is compared
takes turns, so that it meets the same load. What counts is the ratio.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from agents import GRPO
from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.episode import EpisodeRequest
from agents.trainer.agent import Agent
from agents.trainer.loop import Trainer
from agents.trajectory import Trajectory
from tests.benchmarks import trl_grpo
from tests.benchmarks.bare import BareLoop
from tests.benchmarks.workloads import WORKLOADS, Workload, environment, network, policy

REPEATS = {"T1": 7, "T2": 5, "T3": 2}
Parts = tuple[float, float]
"""Seconds of a rollout and of an update."""

Now = Callable[[], float]
"""Reads a clock, in seconds."""


def timed(work: Callable[[], Any], now: Now = time.process_time) -> tuple[Any, float]:
    """Return what a piece of work returns, and the seconds that it took: the processor's own, if nothing is said."""
    start = now()
    result = work()
    return result, now() - start


class Bare:
    """The bare loop as a contender."""

    def __init__(self, work: Workload) -> None:
        self.loop = BareLoop(network(), work)
        self.advantages = torch.randn(work.episodes, 1)

    def step(self) -> Parts:
        (ids, logprobs), rollout = timed(self.loop.rollout)
        _, update = timed(lambda: self.loop.update(ids.clone(), logprobs.clone(), self.advantages))
        return rollout, update


class Ours:
    """A whole update by the trainer; what is no rollout counts as update, bookkeeping included."""

    def __init__(
        self,
        work: Workload,
        policy: CausalLMPolicy,
        now: Now = time.process_time,
        algorithm: type[Agent] = GRPO,
        **settings: Any,
    ) -> None:
        agent = algorithm(
            policy,
            environment(work),
            n_episodes_per_update=work.episodes,
            group_size=work.size,
            max_new_tokens=work.written,
            learning_rate=1e-6,
            **{"microbatch_tokens": work.episodes * work.length, **settings},
        )
        self.now = now
        self.collecting = 0.0
        self._collect = agent.collector.collect
        agent.collector.collect = self._timed_collect  # type: ignore[method-assign]
        self.trainer: Trainer = agent.trainer
        self.trainer.plan(10**6, resume=False)

    def step(self) -> Parts:
        _, whole = timed(lambda: self.trainer.step(lambda: None), self.now)
        return self.collecting, whole - self.collecting

    def _timed_collect(self, requests: Sequence[EpisodeRequest], update: int = 0) -> list[Trajectory]:
        result, self.collecting = timed(lambda: self._collect(requests, update), self.now)
        return result


def taken_in_turn(work: Workload, repeats: int) -> dict[str, list[Parts]]:
    """Let all contenders step in turn, once to warm up and then `repeats` times."""
    contenders = {"bare": Bare(work).step, "ours": Ours(work, policy()).step}
    taken: dict[str, list[Parts]] = {name: [] for name in contenders}

    def others() -> None:
        for name, step in contenders.items():
            gc.collect()
            taken[name].append(step())

    taken["trl"] = trl_grpo.run(work, repeats + 1, others)
    return {name: parts[1:] for name, parts in taken.items()}


def medians(parts: Sequence[Parts]) -> Parts:
    """Return the median rollout and the median update."""
    rollouts, updates = zip(*parts, strict=True)
    return statistics.median(rollouts), statistics.median(updates)


def ratios(some: Sequence[Parts], others: Sequence[Parts]) -> tuple[float, float, float]:
    """Return the medians, over repeats, of some's time in units of the others': rollout, update, both together."""
    pairs = list(zip(some, others, strict=True))
    rollout = statistics.median(a[0] / b[0] for a, b in pairs)
    update = statistics.median(a[1] / b[1] for a, b in pairs)
    return rollout, update, statistics.median(sum(a) / sum(b) for a, b in pairs)


def measure() -> Mapping[str, Any]:
    """Return each contender's seconds, ours in units of the bare loop's, and TRL's in units of ours."""
    torch.set_num_threads(1)
    figures: dict[str, Any] = {"load_average": round(os.getloadavg()[0], 1)}
    for name, work in WORKLOADS.items():
        taken = taken_in_turn(work, REPEATS[name])
        for contender, parts in taken.items():
            figures[f"{name}.{contender}"] = [round(seconds, 3) for seconds in medians(parts)]
        figures[f"{name}.ours_to_bare"] = [round(ratio, 2) for ratio in ratios(taken["ours"], taken["bare"])]
        figures[f"{name}.trl_to_ours"] = [round(ratio, 2) for ratio in ratios(taken["trl"], taken["ours"])]
    return figures
