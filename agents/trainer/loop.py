"""The training loop.

requests -> episodes -> token batch -> log-probabilities and values -> credit -> epochs of updates -> metrics

An algorithm is a record of functions (`agents.algorithms.base.Algorithm`); the loop never asks for its name.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agents.algorithms.base import AnyAlgorithm
from agents.algorithms.config import TrainConfig
from agents.trainer.items import ItemSequence
from agents.trainer.kl import KLController, charge_rewards
from agents.trainer.metrics import batch_metrics, credit_metrics, episode_metrics
from agents.trainer.protocols import CRITIC_PREFIX, EpisodeCollector, TrainablePolicy
from agents.trainer.schedules import learning_rate
from agents.trainer.scoring import score_batch
from agents.trainer.update import Updater
from agents.trajectory import TokenBatch, Trajectory
from textenvs.errors import ConfigError
from textenvs.messages import Stop


@dataclass
class Progress:
    """How far a run is; with the weights and the optimiser, all that a checkpoint has to hold.

    Items and shuffles are pure functions of the seed and these counts, so there is no generator to store.

    Attributes:
        update: updates done.
        schedule_start: the update at which the learning-rate schedule began.
        schedule_updates: its length.
        kl_coef: now in force.
    """

    update: int
    schedule_start: int
    schedule_updates: int
    kl_coef: float


class Trainer:
    """Runs an algorithm.

    Args:
        policy: to be trained.
        collector: plays episodes with it.
        algorithm: the record.
        config: of the algorithm's own type.
        items: what is played.

    Raises:
        ConfigError: if the algorithm needs a critic and the policy has none.
    """

    def __init__(
        self,
        policy: TrainablePolicy,
        collector: EpisodeCollector,
        algorithm: AnyAlgorithm,
        config: TrainConfig,
        items: ItemSequence,
    ) -> None:
        if algorithm.critic and not any(n.startswith(CRITIC_PREFIX) for n, _ in policy.trainable_parameters()):
            raise ConfigError(f"{algorithm.name} needs a critic and this policy has none; build it with critic='head'")
        self.policy = policy
        self.collector = collector
        self.algorithm = algorithm
        self.config = config
        self.items = items
        self.updater = Updater(policy, algorithm, config)
        self.kl = KLController(config.kl_coef, config.kl_target, config.kl_horizon)
        self.update = self.schedule_start = self.schedule_updates = 0

    @property
    def remaining(self) -> int:
        """How many updates the schedule still has."""
        return self.schedule_start + self.schedule_updates - self.update

    def plan(self, updates: int, *, resume: bool) -> None:
        """Set how long to train: for `updates` more, or, resuming a plan, until it has had as many in all."""
        self.schedule_start = self.schedule_start if resume else self.update
        self.schedule_updates = updates

    def run(self, on_update: Callable[[dict[str, float]], bool]) -> None:
        """Update until the schedule is at its end or `on_update`, given the metrics, returns False."""
        self.policy.eval()
        while self.remaining > 0 and on_update(self.step()):
            pass

    def step(self) -> dict[str, float]:
        """Make one update and return its metrics."""
        clock = Clock()
        groups = self.config.n_episodes_per_update // self.config.group_size
        requests = self.items.requests(self.update, groups, self.config.group_size)
        collected = self.collector.collect(requests, self.update)
        clock.lap("rollout_s")
        episodes = [trajectory for trajectory in collected if trajectory.stop != Stop.ERROR]
        batch = self._score(episodes)
        clock.lap("score_s")
        charged = charge_rewards(batch, self.kl.coef) if self.config.kl_placement == "reward" else batch
        credit = self.algorithm.credit(charged, self.config)
        rate = self._learning_rate()
        stats = self.updater.run(
            batch,
            credit,
            learning_rate=rate,
            kl_coef=self.kl.coef if self.config.kl_placement == "loss" else 0.0,
            critic_only=self.update < self.algorithm.critic_warmup(self.config),
            generator=np.random.default_rng((self.config.seed, self.update)),
        )
        clock.lap("update_s")
        distances = batch_metrics(batch)
        metrics = {
            **episode_metrics(episodes),
            **distances,
            **credit_metrics(batch, credit),
            **stats.metrics(),
            **self._counts(episodes),
            **clock.metrics(tokens=len(batch)),
            "learning_rate": rate,
            "kl_coef": self.kl.coef,
        }
        self.kl.observe(distances["kl"], len(episodes))
        self.update += 1
        return metrics

    def progress(self) -> Progress:
        """Return how far the run is."""
        return Progress(self.update, self.schedule_start, self.schedule_updates, self.kl.coef)

    def restore(self, progress: Progress) -> None:
        """Go on from where another trainer stopped."""
        self.update, self.schedule_start = progress.update, progress.schedule_start
        self.schedule_updates, self.kl.coef = progress.schedule_updates, progress.kl_coef

    def _score(self, episodes: list[Trajectory]) -> TokenBatch:
        return score_batch(
            self.policy,
            TokenBatch.of(episodes),
            self.config.microbatch_tokens,
            critic=self.algorithm.critic,
            reference=self.config.kl_coef > 0,
        )

    def _learning_rate(self) -> float:
        return learning_rate(
            self.config.lr_schedule,
            self.config.learning_rate,
            self.update - self.schedule_start,
            self.schedule_updates,
            self.config.warmup_updates,
        )

    def _counts(self, episodes: list[Trajectory]) -> dict[str, float]:
        """Return what was asked for and what was lost, by the boundary where it was lost."""
        return {
            "update": float(self.update),
            "episodes": float((self.update + 1) * self.config.n_episodes_per_update),
            "dropped_episodes": float(self.config.n_episodes_per_update - len(episodes)),
            "environment_faults": float(self.collector.faults),
        }


class Clock:
    """Wall time by phase."""

    def __init__(self) -> None:
        self._phases: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        """Book the time since the last lap under `phase`."""
        now = time.perf_counter()
        self._phases[phase] = now - self._last
        self._last = now

    def metrics(self, tokens: int) -> dict[str, float]:
        """Return the seconds of each phase and the sampled tokens trained per second of all."""
        total = sum(self._phases.values())
        return {**self._phases, "tokens_per_s": tokens / total if total > 0 else math.nan}
