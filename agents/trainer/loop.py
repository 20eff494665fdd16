"""The training loop.

requests -> episodes -> token batch -> log-probabilities and values -> credit -> epochs of updates -> metrics

An algorithm is a record of functions (`agents.algorithms.base.Algorithm`); the loop never asks for its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agents.algorithms.base import AnyAlgorithm, Credit
from agents.algorithms.config import TrainConfig
from agents.trainer.items import ItemSequence
from agents.trainer.kl import KLController, charge_rewards
from agents.trainer.metrics import Clock, batch_metrics, credit_metrics, episode_metrics
from agents.trainer.portion import UpdateStats
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
        self.kl = KLController(config.kl_coef, config.kl_control.target, config.kl_control.horizon)
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
        episodes = self._collect()
        clock.lap("rollout_s")
        batch = self._score(episodes)
        clock.lap("score_s")
        credit = self._credit(batch)
        stats = self._improve(batch, credit)
        clock.lap("update_s")
        metrics = {
            **episode_metrics(episodes),
            **batch_metrics(batch),
            **credit_metrics(batch, credit),
            **stats.metrics(),
            **self._counts(episodes),
            **clock.metrics(tokens=len(batch)),
        }
        self.kl.observe(metrics["kl"], len(episodes))
        self.update += 1
        return metrics

    def _collect(self) -> list[Trajectory]:
        """Play this update's episodes; those whose environment failed say nothing about the policy."""
        groups = self.config.n_episodes_per_update // self.config.group_size
        requests = self.items.requests(self.update, groups, self.config.group_size)
        return [t for t in self.collector.collect(requests, self.update) if t.stop != Stop.ERROR]

    def _score(self, episodes: list[Trajectory]) -> TokenBatch:
        """Ask the policy, its reference and its critic about the batch, once."""
        return score_batch(
            self.policy,
            TokenBatch.of(episodes),
            self.config.microbatch_tokens,
            critic=self.algorithm.critic,
            reference=self.config.kl_coef > 0,
        )

    def _credit(self, batch: TokenBatch) -> Credit:
        """Give every action token its advantage."""
        if self.config.kl_placement == "reward":
            batch = charge_rewards(batch, self.kl.coef)
        return self.algorithm.credit(batch, self.config)

    def _improve(self, batch: TokenBatch, credit: Credit) -> UpdateStats:
        """Change the weights."""
        return self.updater.run(
            batch,
            credit,
            learning_rate=self._learning_rate(),
            kl_coef=self.kl.coef if self.config.kl_placement == "loss" else 0.0,
            entropy_coef=self.config.entropy_coef,
            critic_only=self.update < self.algorithm.critic_warmup(self.config),
            generator=np.random.default_rng((self.config.seed, self.update)),
        )

    def progress(self) -> Progress:
        """Return how far the run is."""
        return Progress(self.update, self.schedule_start, self.schedule_updates, self.kl.coef)

    def restore(self, progress: Progress) -> None:
        """Go on from where another trainer stopped."""
        self.update, self.schedule_start = progress.update, progress.schedule_start
        self.schedule_updates, self.kl.coef = progress.schedule_updates, progress.kl_coef

    def _learning_rate(self) -> float:
        return learning_rate(
            self.config.lr_schedule,
            self.config.learning_rate,
            self.update - self.schedule_start,
            self.schedule_updates,
            self.config.warmup_updates,
        )

    def _counts(self, episodes: list[Trajectory]) -> dict[str, float]:
        """Return how far the run is, what it is run with, and what was lost."""
        return {
            "learning_rate": self._learning_rate(),
            "kl_coef": self.kl.coef,
            "update": float(self.update),
            "episodes": float((self.update + 1) * self.config.n_episodes_per_update),
            "dropped_episodes": float(self.config.n_episodes_per_update - len(episodes)),
            "environment_faults": float(self.collector.faults),
        }
