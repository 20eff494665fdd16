"""Rollouts in Ray's actors beside rollouts in this process, as the environments become slower.

The same episodes of the small network are played in this process with inline workers and with threads, and by two and
four actors of a Ray cluster on this machine, each with inline workers. A step of an environment sleeps for so long.

Rates are by the clock, so on a machine that does much else every further process gets a share more, and actors look
better than they are. The break-even is therefore computed from the processor's time: on a single core, from which pause
on does dividing the waiting among actors make up for what they and sending the episodes cost?
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import torch

from agents.distributed.ray_collector import RayCollector
from agents.distributed.ray_workers import RayWorkers
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.sampling import SamplingParams
from tests.benchmarks.workloads import FixedEnv, FixedEpisode, Workload, policy
from textenvs import Outcome

WORK = Workload(groups=8, size=4, turns=3, prompt=96, written=16, read=40)
PAUSES_MS = (0, 5, 20, 50, 100)
ACTORS = (2, 4)
REPEATS = 2
PARAMS = SamplingParams(max_new_tokens=WORK.written)


class SleepyEpisode(FixedEpisode):
    """Takes a while over every turn; which item is played says how long."""

    def act(self, action: str) -> Outcome:
        time.sleep(PAUSES_MS[self.index // WORK.groups] / 1000)
        return super().act(action)


class SleepyEnv(FixedEnv):
    """Episodes of the workload's size, whose steps take a while."""

    def make_episode(self, index: int) -> SleepyEpisode:
        return SleepyEpisode(index, self.work)


def rates(collector: Collector | RayCollector) -> list[float]:
    """Return the median episodes per second at every pause."""
    return [
        round(statistics.median(_play(collector, place) for _ in range(REPEATS)), 1) for place in range(len(PAUSES_MS))
    ]


def cost(collector: Collector | RayCollector) -> float:
    """Return the processor's seconds, here and in the actors, for an episode whose steps do not sleep."""
    _play(collector, 0)  # to warm up
    before = _processor_seconds(collector)
    for _ in range(REPEATS):
        _play(collector, 0)
    return round((_processor_seconds(collector) - before) / REPEATS / WORK.episodes, 4)


def _play(collector: Collector | RayCollector, place: int) -> float:
    requests = [EpisodeRequest(g, m, place * WORK.groups + g) for g in range(WORK.groups) for m in range(WORK.size)]
    start = time.perf_counter()
    return len(collector.collect(requests)) / (time.perf_counter() - start)


def _processor_seconds(collector: Collector | RayCollector) -> float:
    """Return what this process has used so far, and the actors, if there are any."""
    own = time.process_time()
    if not isinstance(collector, RayCollector):
        return own
    import ray

    return own + sum(ray.get([actor.__ray_call__.remote(lambda _: time.process_time()) for actor in collector.actors]))


@contextmanager
def cluster() -> Iterator[None]:
    """Start Ray with room for the actors."""
    import ray

    # Actors are nice by default, and starve on a busy machine.
    with mock.patch.dict(os.environ, {"RAY_worker_niceness": "0"}):
        ray.init(num_cpus=max(ACTORS), include_dashboard=False, log_to_driver=False, object_store_memory=1 << 28)
        try:
            yield
        finally:
            ray.shutdown()


def break_even(here: float, there: float, actors: int) -> float:
    """Return the pause of a step in ms from which on actors are faster than inline workers, on one core.

    Inline, an episode takes its processor time and its pauses; among actors, theirs and its pauses over their number.

    Args:
        here: the processor's seconds for an episode, inline.
        there: the same with actors.
        actors: how many share the pauses.
    """
    return round(max(0.0, there - here) / (1 - 1 / actors) / WORK.turns * 1000, 1)


def measure() -> Mapping[str, Any]:
    """Return processor seconds and rates of every way, and from which pause on actors are faster than inline."""
    torch.set_num_threads(1)
    model, source = policy(), partial(SleepyEnv, WORK)
    costs: dict[str, float] = {}
    table: dict[str, list[float]] = {}

    def examine(way: str, collector: Collector | RayCollector) -> None:
        costs[way], table[way] = cost(collector), rates(collector)
        collector.close()

    for kind in ("inline", "thread"):
        examine(kind, Collector(model, source, PARAMS, workers=kind))
    with cluster():
        for actors in ACTORS:
            examine(f"ray {actors}", RayCollector(model, source, {}, PARAMS, RayWorkers(actors=actors)))
    even = {str(actors): break_even(costs["inline"], costs[f"ray {actors}"], actors) for actors in ACTORS}
    return {"pauses_ms": PAUSES_MS, "cpu_s": costs, "rates": table, "break_even_ms": even}
