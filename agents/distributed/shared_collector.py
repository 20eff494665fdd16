"""Episodes played by several ranks: each plays whole groups, and all are told of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from agents.distributed.ranks import Ranks
from agents.distributed.ray_collector import RayCollector
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.sampling import SamplingParams
from agents.trajectory import Trajectory
from textenvs.faults import Fault


class SharedCollector:
    """A `Collector` on every rank, which together return what one would.

    The noise is keyed by item and member, and no request is played twice; so neither is any episode.

    A reward that remembers, such as one that normalises by what it has seen, remembers on each rank what was played
    there; a checkpoint holds the first rank's memory.

    Args:
        collector: this rank's.
        ranks: that share the work.

    Attributes:
        params: the sampler; may be set anew between two calls of `collect`.
    """

    def __init__(self, collector: Collector | RayCollector, ranks: Ranks) -> None:
        self.collector = collector
        self.ranks = ranks
        self.params: SamplingParams = collector.params
        self._before: Counter[Fault] = Counter()
        self._counts: Counter[Fault] = Counter()

    @property
    def staleness(self) -> int:
        """How many updates ahead episodes are to be expected."""
        return self.collector.staleness

    @property
    def counts(self) -> Mapping[Fault, int]:
        """What has failed so far, on all ranks."""
        return self._counts

    def set_progress(self, progress: float) -> None:
        """Tell the reward how far training has come."""
        self.collector.set_progress(progress)

    def collect(self, requests: Sequence[EpisodeRequest], update: int = 0) -> list[Trajectory]:
        """Play this rank's share of the groups, and return the episodes of all, in the order of the requests."""
        places = self._places(requests)
        self.collector.params = self.params
        played = self.collector.collect([requests[place] for place in places], update)
        everyones = self.ranks.gather((dict(zip(places, played, strict=True)), self.collector.counts))
        self._counts = sum((counts for _, counts in everyones), start=Counter(self._before))
        known = {place: episode for episodes, _ in everyones for place, episode in episodes.items()}
        return [known[place] for place in range(len(requests))]

    def expect(self, requests: Sequence[EpisodeRequest], update: int) -> None:
        """Begin with this rank's share of what a later `collect` will ask for."""
        self.collector.params = self.params
        self.collector.expect([requests[place] for place in self._places(requests)], update)

    def _places(self, requests: Sequence[EpisodeRequest]) -> list[int]:
        """Return which requests are this rank's: whole groups."""
        mine = set(self.ranks.share(list(dict.fromkeys(request.group_id for request in requests))))
        return [place for place, request in enumerate(requests) if request.group_id in mine]

    def state(self) -> Mapping[str, Any]:
        """Return what is remembered from one `collect` to the next; it does not depend on the number of ranks."""
        faults = {fault.value: count for fault, count in self._counts.items()}
        return {**self.collector.state(), "faults": faults}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Remember what `state` returned."""
        self._before = Counter({Fault(name): count for name, count in state["faults"].items()})
        self._counts = Counter(self._before)
        self.collector.restore({**state, "faults": {}})

    def close(self) -> None:
        """Close the environments."""
        self.collector.close()
