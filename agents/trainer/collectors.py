"""From what a user says about where episodes are played to the collector that plays them."""

from __future__ import annotations

from agents.algorithms.config import TrainConfig
from agents.distributed.ranks import Ranks
from agents.distributed.ray_collector import RayCollector
from agents.distributed.ray_workers import RayWorkers
from agents.distributed.shared_collector import SharedCollector
from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.collector import Collector
from agents.rollout.engine import Engine
from agents.trainer.environments import Environments
from agents.trainer.exploration import sampling_params
from textenvs.errors import ConfigError
from textenvs.vector import WorkerKind

AnyCollector = Collector | RayCollector | SharedCollector


def open_collector(
    policy: CausalLMPolicy,
    environments: Environments,
    settings: TrainConfig,
    *,
    workers: WorkerKind | RayWorkers,
    step_timeout_s: float | None,
    deterministic: bool,
    engine: Engine | None,
    ranks: Ranks,
) -> AnyCollector:
    """Return what plays the episodes of a training.

    Args:
        policy: that plays.
        environments: that are played.
        settings: of the training.
        workers: where environments are played: in this process, or by Ray's actors.
        step_timeout_s: time limit of one environment step, and of one reward.
        deterministic: schedule by counts, not by the clock.
        engine: what generates; None is the policy's own model.
        ranks: that share the episodes.

    Raises:
        ConfigError: if two of these do not go together.
    """
    params = sampling_params(settings)
    if isinstance(workers, RayWorkers):
        _check(workers, settings, engine)
        played: Collector | RayCollector = RayCollector(
            policy,
            environments.given,
            environments.kwargs,
            params,
            workers,
            max_context=settings.max_context,
            step_timeout_s=step_timeout_s,
        )
    else:
        played = Collector(
            policy,
            environments.source,
            params,
            max_context=settings.max_context,
            engine=engine,
            workers=workers,
            step_timeout_s=step_timeout_s,
            deterministic=deterministic,
        )
    return played if ranks.size == 1 else SharedCollector(played, ranks)


def _check(workers: RayWorkers, settings: TrainConfig, engine: Engine | None) -> None:
    """Refuse what Ray's actors cannot do, and staleness that nothing corrects or that has to know the future."""
    if engine is not None:
        raise ConfigError("Ray's actors generate with models of their own; leave the engine out, or Ray")
    if not workers.actors:
        raise ConfigError("ray.actors=0: give at least one actor")
    if not workers.staleness:
        return
    if settings.importance.cap is None:
        raise ConfigError(f"ray.staleness={workers.staleness}: needs importance.cap (such as 2.0) to correct for it")
    if settings.curriculum.active or settings.filters.resample_rounds:
        raise ConfigError(
            f"ray.staleness={workers.staleness}: a curriculum and filters.resample_rounds choose the next items by how "
            "the last ones went, so that none can be played ahead"
        )
