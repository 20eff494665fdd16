"""Rollouts in Ray's actors beside rollouts in this process, as the environments become slower.

The same episodes of the small network are played in this process with inline workers and with threads, and by two and
four actors of a Ray cluster on this machine, each with inline workers. A step of an environment sleeps for so long.
What is taken is the time that passes, of two cores at most: so it says what waiting costs, and what sending episodes to
another process does; actors on machines of their own would compute side by side as well.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
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
REPEATS = 3
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
    """Return the median episodes per second at every pause, after one rollout to warm up."""
    _play(collector, 0)
    medians = [statistics.median(_play(collector, place) for _ in range(REPEATS)) for place in range(len(PAUSES_MS))]
    collector.close()
    return [round(rate, 1) for rate in medians]


def _play(collector: Collector | RayCollector, place: int) -> float:
    requests = [EpisodeRequest(g, m, place * WORK.groups + g) for g in range(WORK.groups) for m in range(WORK.size)]
    start = time.perf_counter()
    return len(collector.collect(requests)) / (time.perf_counter() - start)


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


def break_even(pauses: Sequence[float], ours: Sequence[float], rays: Sequence[float]) -> float | None:
    """Return from which pause on Ray is faster, between two that were measured in proportion; None if it never is."""
    leads = [ray / own - 1 for own, ray in zip(ours, rays, strict=True)]
    if leads[0] >= 0:
        return 0.0
    for place in range(1, len(leads)):
        if leads[place] >= 0:
            before, after = leads[place - 1 : place + 1]
            share = -before / (after - before)
            return round(pauses[place - 1] + share * (pauses[place] - pauses[place - 1]), 1)
    return None


def measure() -> Mapping[str, Any]:
    """Return the rates by way and pause, and from which pause on so many actors are faster than inline workers here."""
    torch.set_num_threads(1)
    model, source = policy(), partial(SleepyEnv, WORK)
    table = {kind: rates(Collector(model, source, PARAMS, workers=kind)) for kind in ("inline", "thread")}
    with cluster():
        for actors in ACTORS:
            table[f"ray {actors}"] = rates(RayCollector(model, source, {}, PARAMS, RayWorkers(actors=actors)))
    even = {str(actors): break_even(PAUSES_MS, table["inline"], table[f"ray {actors}"]) for actors in ACTORS}
    return {"pauses_ms": PAUSES_MS, "rates": table, "break_even_ms": even}
