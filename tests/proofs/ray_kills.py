"""A minute on a Ray cluster of several nodes on this machine, with something killed every ten seconds.

GRPO trains synchronously. By turns an actor's process is ended by ``kill -9``, and a whole node is taken away, in whose
place another one is put. What is trained, and every episode of every batch, is compared with a training on the same
cluster in which nothing dies.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from agents import GRPO, Callback
from agents.distributed.ray_collector import RayCollector
from agents.distributed.ray_workers import RayWorkers
from agents.rollout.episode import EpisodeRequest
from agents.trainer.agent import Agent
from agents.trajectory import Trajectory
from tests.agents.distributed.program import SMALL, Kept, LetterEnv, policy, weights
from tests.cells import Cell, run_cell

NODES = 3
SECONDS = 60.0
EVERY = 10.0
GROUP = 4
PAUSE = 0.1
"""Seconds that a turn takes where actors are killed, so that there is something to interrupt."""

STORE = {"object_store_memory": 1 << 27}


@dataclass(frozen=True)
class RayKills:
    """Kills actors and nodes of a cluster.

    Attributes:
        name: of its cells.
        seeds: one.
        needs: nothing.
    """

    name: str
    seeds: tuple[int, ...] = (0,)
    needs: Path | None = None

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run the cell, or return the stored one."""
        return run_cell(self.name, seed, f"python -m tests.proofs {self.name}", measure, again=again)


class WatchedEnv(LetterEnv):
    """Takes its time, and leaves the number of its process in a folder, so that it can be found and killed."""

    def __init__(self, folder: str, pause: float) -> None:
        super().__init__()
        self.folder = folder
        self.pause = pause

    def advance(self, action: str) -> Any:
        Path(self.folder, str(os.getpid())).touch()
        time.sleep(self.pause)
        return super().advance(action)


@dataclass
class Training:
    """What a training left.

    Attributes:
        rows: the metrics of every update.
        weights: at its end.
        batches: the episodes of every update, each with the item and group that were asked for.
        asked: what those were.
        lost: how often an actor was lost with episodes in hand.
        seconds: wall time.
    """

    rows: list[dict[str, float]]
    weights: Mapping[str, torch.Tensor]
    batches: list[list[Trajectory]] = field(default_factory=list[list[Trajectory]])
    asked: list[Sequence[EpisodeRequest]] = field(default_factory=list[Sequence[EpisodeRequest]])
    lost: int = 0
    seconds: float = 0.0

    def tokens(self) -> list[list[list[list[int]]]]:
        """Return what was sampled and read, by update, episode and segment."""
        return [[[part.token_ids.tolist() for part in one.segments] for one in batch] for batch in self.batches]

    def misplaced(self) -> int:
        """Return how many episodes are missing, too many, or not the ones that were asked for at their place."""
        wrong = 0
        for batch, asked in zip(self.batches, self.asked, strict=True):
            got = [(episode.task_id, episode.group_id) for episode in batch]
            wanted = [(f"echo/{request.index}", request.group_id) for request in asked]
            wrong += abs(len(got) - len(wanted)) + sum(one != other for one, other in zip(got, wanted, strict=False))
        return wrong


class Killer(threading.Thread):
    """Kills an actor's process or a node every ten seconds, where one is alive, until it is stopped.

    Attributes:
        killed: what, in order.
    """

    def __init__(self, cluster: Any, folder: Path) -> None:
        super().__init__(daemon=True)
        self.killed: list[str] = []
        self._cluster = cluster
        self._folder = folder
        self._over = threading.Event()

    def run(self) -> None:
        """Kill by turns."""
        while not self._over.wait(EVERY):
            kind = "node" if len(self.killed) % 2 else "process"
            if self._kill_node() if kind == "node" else self._kill_process():
                self.killed.append(kind)

    def stop(self) -> None:
        """Kill nothing more."""
        self._over.set()
        if self.is_alive():
            self.join()

    def replace(self) -> None:
        """Put nodes in the place of those that were taken away; Ray starts them from the main thread alone."""
        for _ in range(NODES - len(self._cluster.worker_nodes)):
            self._cluster.add_node(num_cpus=1, **STORE)

    def _kill_process(self) -> bool:
        for name in sorted(path.name for path in self._folder.iterdir()):
            (self._folder / name).unlink()
            if Path("/proc", name).exists():
                os.kill(int(name), signal.SIGKILL)
                return True
        return False

    def _kill_node(self) -> bool:
        if len(self._cluster.worker_nodes) == 1:
            return False
        self._cluster.remove_node(next(iter(self._cluster.worker_nodes)), allow_graceful=False)
        return True


class Minute(Callback):
    """Begins to kill once an update is made, so that all actors have been up, and ends the training a minute later."""

    def __init__(self, killer: Killer) -> None:
        self._killer = killer
        self._end = 0.0

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> bool:
        if not self._end:
            self._end = time.monotonic() + SECONDS + EVERY / 2
            self._killer.start()
        self._killer.replace()
        return time.monotonic() < self._end

    def on_training_end(self, agent: Agent) -> None:
        self._killer.stop()


@contextmanager
def cluster() -> Iterator[Any]:
    """Start a head that plays nothing and `NODES` nodes with room for one actor each."""
    import ray
    from ray.cluster_utils import Cluster

    # Actors are nice by default, and starve on a busy machine.
    with mock.patch.dict(os.environ, {"RAY_worker_niceness": "0"}):
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **STORE})
        try:
            for _ in range(NODES):
                made.add_node(num_cpus=1, **STORE)
            ray.init(address=made.address, log_to_driver=False)
            yield made
        finally:
            ray.shutdown()
            made.shutdown()


def trained(folder: Path, pause: float, episodes: int, callbacks: Sequence[Callback]) -> Training:
    """Train on the cluster, and keep every batch."""
    start = time.perf_counter()
    made = partial(WatchedEnv, str(folder), pause)
    workers, settings = RayWorkers(actors=NODES), {**SMALL, "n_episodes_per_update": 2 * NODES * GROUP}
    agent = GRPO(policy(critic=None), made, workers=workers, group_size=GROUP, **settings)
    kept, result = Kept(), Training([], {})
    collector = agent.collector
    assert isinstance(collector, RayCollector)
    collect = collector.collect

    def watched(requests: Sequence[EpisodeRequest], update: int = 0) -> list[Trajectory]:
        batch = collect(requests, update)
        result.asked.append(list(requests))
        result.batches.append(batch)
        return batch

    collector.collect = watched  # type: ignore[method-assign]
    agent.learn(episodes, callback=[kept, *callbacks])
    result.rows, result.weights, result.lost = kept.rows, weights(agent), collector.deaths
    agent.close()
    result.seconds = round(time.perf_counter() - start, 1)
    return result


def measure() -> Mapping[str, Any]:
    """Train with kills and without; return what was killed, what was lost, and in what the two trainings differ."""
    torch.set_num_threads(1)
    with cluster() as nodes, tempfile.TemporaryDirectory() as place:
        killer = Killer(nodes, Path(place))
        shaken = trained(Path(place), PAUSE, 10**6, [Minute(killer)])
        calm = trained(Path(place), 0.0, sum(map(len, shaken.asked)), [])
    return {
        "killed": {kind: killer.killed.count(kind) for kind in ("process", "node")},
        "lost_with_episodes": shaken.lost,
        "updates": len(shaken.rows),
        "episodes": sum(map(len, shaken.batches)),
        "misplaced_or_duplicate": shaken.misplaced(),
        "episodes_that_differ": _differing(shaken.tokens(), calm.tokens()),
        "largest_difference_of_a_weight": _distance(shaken.weights, calm.weights),
        "lost_without_kills": calm.lost,
        "seconds": [shaken.seconds, calm.seconds],
    }


def _differing(some: list[Any], others: list[Any]) -> int:
    """Return how many episodes are not the same, token by token; updates that one has not made count as well."""
    flat = [[episode for batch in side for episode in batch] for side in (some, others)]
    return abs(len(flat[0]) - len(flat[1])) + sum(a != b for a, b in zip(*flat, strict=False))


def _distance(some: Mapping[str, torch.Tensor], others: Mapping[str, torch.Tensor]) -> float:
    return max(float((weight - others[name]).abs().max()) for name, weight in some.items())
