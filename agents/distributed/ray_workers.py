"""Where Ray plays episodes: how many actors, with what, and how far behind the learner they may be."""

from __future__ import annotations

from dataclasses import dataclass

from textenvs.errors import ConfigError
from textenvs.vector import WorkerKind


@dataclass(frozen=True, kw_only=True)
class RayWorkers:
    """Actors on a Ray cluster, each with a copy of the policy and environments of its own; needs the extra ``ray``.

    Raises:
        ConfigError: if a value is out of range.
    """

    actors: int = 0
    """How many; 0 plays without Ray."""
    cpus: float = 1.0
    """Processors that each reserves."""
    gpus: float = 0.0
    """GPUs that each reserves; a share of one is possible."""
    address: str | None = None
    """Of a cluster, such as "auto" or "ray://head:10001"; one is started on this machine, if not given."""
    staleness: int = 0
    """How many updates old the weights may be that an episode is played with. 0 waits for every update; above it, the
    next episodes are played during the update, and importance.cap has to correct for it."""
    inside: WorkerKind = "inline"
    """Where an actor plays its environments."""
    tries: int = 20
    """How often the same episodes are begun again after their actor died, before the run is given up."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        rules = (
            (self.actors >= 0, f"ray.actors={self.actors}: must not be negative"),
            (self.cpus > 0, f"ray.cpus={self.cpus}: must be above 0"),
            (self.gpus >= 0, f"ray.gpus={self.gpus}: must not be negative"),
            (self.staleness >= 0, f"ray.staleness={self.staleness}: must not be negative"),
            (self.tries >= 1, f"ray.tries={self.tries}: at least 1"),
        )
        if broken := [message for kept, message in rules if not kept]:
            raise ConfigError("; ".join(broken))
