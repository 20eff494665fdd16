"""Episodes played by actors of a Ray cluster: weights are broadcast once a version, and the dead are replaced."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.distributed.ray_actor import Errand, Player, Recipe, weights_of
from agents.distributed.ray_workers import RayWorkers
from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.collector import EpisodeRequest
from agents.rollout.sampling import SamplingParams
from agents.trajectory import Trajectory
from textenvs.errors import ConfigError, EnvironmentFaultError
from textenvs.faults import Fault

logger = logging.getLogger(__name__)

PAUSE_S = (0.1, 30.0)
"""Before episodes are sent again while every actor is away: the first time, and the longest; it doubles in between."""


@dataclass
class _Chunk:
    """Whole groups that one actor plays, and where their episodes belong."""

    places: list[int]
    errand: Errand
    weights: Any
    tries: int = 0
    actor: int = 0


@dataclass
class _Job:
    """The episodes of one call of `collect`, or of one to come."""

    requests: list[EpisodeRequest]
    pending: dict[Any, _Chunk] = field(default_factory=dict[Any, _Chunk])


class RayCollector:
    """Plays episodes in Ray actors; the same requests, update and weights give the same trajectories.

    The noise is keyed by item and member, so episodes that are begun again after an actor's death come out as they
    would have, and each is handed over once. A reward that remembers does so in each actor, and forgets when it dies.

    Args:
        policy: that the actors play with copies of.
        source: of the environments: an id, or a function that makes one.
        env_kwargs: for `gymnasium.make`, with an id.
        params: the sampler.
        workers: how many actors, and what each has.
        max_context: as in `Collector`.
        step_timeout_s: as in `Collector`.

    Attributes:
        params: the sampler; may be set anew between two calls of `collect`.
        counts: what has failed so far, by boundary.
        deaths: how often an actor, or the machine that held what it had played, was lost with episodes in hand.

    Raises:
        ConfigError: if Ray is not installed, or there is no environment that another process could make.
    """

    def __init__(
        self,
        policy: CausalLMPolicy,
        source: Any,
        env_kwargs: Mapping[str, Any],
        params: SamplingParams,
        workers: RayWorkers,
        *,
        max_context: int | None = None,
        step_timeout_s: float | None = None,
    ) -> None:
        if not isinstance(source, str) and not callable(source):
            raise ConfigError("an environment that is made already cannot be sent to Ray's actors; give an id")
        self._ray = _import_ray()
        self._began = not self._ray.is_initialized()
        if self._began:
            self._ray.init(address=workers.address, include_dashboard=False, log_to_driver=False)
        self.policy = policy
        self.params = params
        self.counts: Counter[Fault] = Counter()
        self.deaths = 0
        self._workers = workers
        self._progress = 0.0
        self._jobs: dict[int, _Job] = {}
        self._sent: tuple[int, Any] = (-1, None)
        self._turn = 0
        self._away: set[int] = set()
        recipe = Recipe.of(
            policy,
            source,
            env_kwargs,
            max_context=max_context,
            workers=workers.inside,
            step_timeout_s=step_timeout_s,
        )
        made = self._ray.remote(num_cpus=workers.cpus, num_gpus=workers.gpus, max_restarts=-1)(Player)
        self._recipe = self._ray.put(recipe)  # kept: an actor that begins again is made from it
        self.actors = [made.remote(self._recipe) for _ in range(workers.actors)]

    @property
    def staleness(self) -> int:
        """How many updates ahead episodes are to be expected."""
        return self._workers.staleness

    def set_progress(self, progress: float) -> None:
        """Tell the rewards how far training has come, from the next episodes on."""
        self._progress = progress

    def expect(self, requests: Sequence[EpisodeRequest], update: int) -> None:
        """Begin with episodes that a later `collect` will ask for, with the weights as they are now."""
        if update not in self._jobs:
            self._jobs[update] = self._begin(requests, update)

    def collect(self, requests: Sequence[EpisodeRequest], update: int = 0) -> list[Trajectory]:
        """Play the requested episodes, or wait for them where they were expected.

        Raises:
            EnvironmentFaultError: if the same episodes find no actor that lives to their end.
        """
        job = self._jobs.pop(update, None)
        if job is None or job.requests != list(requests):
            job = self._begin(requests, update)
        self._jobs = {number: one for number, one in self._jobs.items() if number > update}
        done: dict[int, Trajectory] = {}
        while job.pending:
            ready, _ = self._ray.wait([*job.pending], num_returns=1)
            self._take(ready[0], job, done)
        return [done[place] for place in range(len(requests))]

    def state(self) -> Mapping[str, Any]:
        """Return what is remembered; episodes under way are played again by a resumed run."""
        return {"faults": {fault.value: count for fault, count in self.counts.items()}, "reward": {}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Remember what `state` returned."""
        self.counts = Counter({Fault(name): count for name, count in state["faults"].items()})
        self._jobs.clear()
        self._sent = (-1, None)

    def close(self) -> None:
        """End the actors, and the cluster where it was started here."""
        for actor in self.actors:
            self._ray.kill(actor)
        self.actors = []
        if self._began:
            self._ray.shutdown()

    def _begin(self, requests: Sequence[EpisodeRequest], update: int) -> _Job:
        """Hand out the groups, to every actor about as many."""
        job = _Job(list(requests))
        groups = list(dict.fromkeys(request.group_id for request in requests))
        size = math.ceil(len(groups) / len(self.actors))
        version, weights = self.policy.weights_version, self._broadcast()
        for first in range(0, len(groups), size):
            mine = set(groups[first : first + size])
            places = [place for place, request in enumerate(requests) if request.group_id in mine]
            errand = Errand([requests[place] for place in places], update, self.params, self._progress, version)
            self._send(_Chunk(places, errand, weights), job)
        return job

    def _broadcast(self) -> Any:
        """Put the weights into the object store, once a version."""
        if self._sent[0] != self.policy.weights_version:
            self._sent = (self.policy.weights_version, self._ray.put(weights_of(self.policy)))
        return self._sent[1]

    def _send(self, chunk: _Chunk, job: _Job) -> None:
        """Give episodes to the next actor."""
        chunk.actor, self._turn = self._turn % len(self.actors), self._turn + 1
        job.pending[self.actors[chunk.actor].play.remote(chunk.errand, chunk.weights)] = chunk

    def _take(self, reference: Any, job: _Job, done: dict[int, Trajectory]) -> None:
        """Take what an actor has played; where it was lost, another begins the same again."""
        chunk = job.pending.pop(reference)
        try:
            episodes, counts = self._ray.get(reference)
        except (self._ray.exceptions.RayActorError, self._ray.exceptions.ObjectLostError) as error:
            self._lose(chunk, error)
            self._send(chunk, job)
        else:
            self._away.discard(chunk.actor)
            self.counts.update(counts)
            done.update(zip(chunk.places, episodes, strict=True))

    def _lose(self, chunk: _Chunk, error: Exception) -> None:
        """Note that an actor is away, and find the next one that is not; where none is left, give them time."""
        if chunk.actor not in self._away:
            self.deaths += 1
            logger.warning("a Ray actor was lost; its %d episodes begin again", len(chunk.places))
        self._away.add(chunk.actor)
        chunk.tries += 1
        if chunk.tries >= self._workers.tries:
            raise EnvironmentFaultError(f"the same episodes lost {chunk.tries} actors: {error}") from error
        if len(self._away) == len(self.actors):
            # An actor that is being started again refuses at once what it is sent.
            time.sleep(min(PAUSE_S[1], PAUSE_S[0] * 2**chunk.tries))
            return
        while self._turn % len(self.actors) in self._away:
            self._turn += 1


def _import_ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError:
        raise ConfigError("Ray is not installed: pip install 'textenvs[ray]'") from None
    return ray
