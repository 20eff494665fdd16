"""The training loop.

requests -> episodes -> token batch -> log-probabilities and values -> credit -> epochs of updates -> metrics

An algorithm is a record of functions (`agents.algorithms.base.Algorithm`); the loop never asks for its name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from agents.algorithms.base import AnyAlgorithm, Credit
from agents.algorithms.config import TrainConfig
from agents.distributed.ranks import ALONE, Ranks
from agents.rollout.sampling import stream_key
from agents.trainer.convergence import HeldOutHistory
from agents.trainer.exploration import EntropyController, temperature
from agents.trainer.filters import without_overlong
from agents.trainer.generators import Generators, capture_generators, restore_generators, seed_generators
from agents.trainer.health import HealthMonitor
from agents.trainer.items import ItemSequence
from agents.trainer.kl import KLController, charge_rewards
from agents.trainer.metrics import Clock, batch_metrics, credit_metrics, episode_metrics
from agents.trainer.protocols import CRITIC_PREFIX, EpisodeCollector, Stateful, TrainablePolicy
from agents.trainer.rollouts import Rollouts
from agents.trainer.schedules import learning_rate
from agents.trainer.scoring import score_batch
from agents.trainer.update import Updater, UpdateState
from agents.trajectory import TokenBatch, Trajectory
from textenvs.errors import ConfigError


@dataclass(frozen=True)
class TrainerState:
    """A trainer at a point where it can be saved; with the weights and the optimiser, all that a checkpoint holds.

    Items, shuffles and sampling noise are pure functions of the seed and these counts, so there is no generator of
    ours to store; a rollout that was cut short is played again from its start.

    Attributes:
        update: updates done.
        schedule_start: the update at which the learning-rate schedule began.
        schedule_updates: its length.
        weights_version: of the policy.
        parts: what each of `Trainer.stateful` remembers.
        generators: the process's global ones, which code of the user's may draw from.
        unreported: metrics of the last update, if not every callback has been told of it.
        under_way: the update that is begun, from its finished rollout on.
    """

    update: int
    schedule_start: int
    schedule_updates: int
    weights_version: int
    parts: Mapping[str, Mapping[str, Any]]
    generators: Generators
    unreported: dict[str, float] | None
    under_way: UpdateState | None


class Trainer:
    """Runs an algorithm.

    Args:
        policy: to be trained.
        collector: plays episodes with it.
        algorithm: the record.
        config: of the algorithm's own type.
        items: what is played.
        ranks: that train together; each runs a trainer of its own, and they stay the same.

    Attributes:
        stateful: every part that remembers something from one update to the next, by name. This is the one place: what
            stands here is in every checkpoint, and what does not is forgotten on resuming.
        health: what is wrong with the run.
        held_out: the returns on held-out items, where somebody measures them.
        finished: the update that callbacks are being told of, with its tokens; None at all other times.
        saved: the state at the last point where everything agreed; an interrupted run goes on from there.

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
        ranks: Ranks = ALONE,
    ) -> None:
        if algorithm.critic and not any(n.startswith(CRITIC_PREFIX) for n, _ in policy.trainable_parameters()):
            raise ConfigError(
                f"{algorithm.name} needs a critic and this policy has none; "
                "build it with critic='head' or critic='separate'"
            )
        self.policy = policy
        self.collector = collector
        self.algorithm = algorithm
        self.config = config
        self.ranks = ranks
        self.rollouts = Rollouts(collector, items, config)
        self.updater = Updater(policy, algorithm, config, ranks)
        self.kl = KLController(config.kl_coef, config.kl_control.target, config.kl_control.horizon)
        exploration = config.exploration
        self.entropy = EntropyController(config.entropy_coef, exploration.entropy_target, exploration.entropy_step)
        self.health, self.held_out = HealthMonitor(), HeldOutHistory()
        self.stateful: dict[str, Stateful] = {
            "kl": self.kl,
            "entropy": self.entropy,
            "items": self.rollouts.draws,
            "health": self.health,
            "held_out": self.held_out,
            "collector": collector,
        }
        self.update = self.schedule_start = self.schedule_updates = 0
        self.unreported: dict[str, float] | None = None
        self.under_way: UpdateState | None = None
        self.finished: UpdateState | None = None
        self.saved = self._state()

    @property
    def remaining(self) -> int:
        """How many updates the schedule still has."""
        return self.schedule_start + self.schedule_updates - self.update

    @property
    def progress(self) -> float:
        """How far training has come: 0 at the schedule's first update, 1 at its last."""
        return (self.update - self.schedule_start) / max(1, self.schedule_updates - 1)

    @property
    def temperature(self) -> float:
        """The sampling temperature of the next rollout."""
        return temperature(self.config.temperature, self.config.exploration.final_temperature, self.progress)

    def plan(self, updates: int, *, resume: bool) -> None:
        """Set how long to train: for `updates` more, or, resuming a plan, until it has had as many in all.

        Resuming sets the process's global generators to where they were when the state was taken. Those of every
        further rank get a seed of its own, and all ranks the weights of the first, or their parts of them.
        """
        if resume:
            restore_generators(self.saved.generators)
        self.updater.holding.begin()
        if not self.ranks.first:
            seed_generators(stream_key(self.config.seed, self.update, self.ranks.rank))
        self.schedule_start = self.schedule_start if resume else self.update
        self.schedule_updates = updates
        self.saved = self._state()

    def run(self, on_update: Callable[[dict[str, float]], bool], on_pause: Callable[[], None]) -> None:
        """Update until the schedule is at its end or `on_update` returns False.

        Args:
            on_update: given the metrics of an update, says whether to go on; the first rank's answer holds for all.
            on_pause: called wherever the run can be saved: after a rollout, after a step, between updates.
        """
        self.policy.eval()
        lead = self.updater.holding.lead
        pause, going = partial(lead, on_pause), True
        while going and (self.remaining > 0 or self.unreported):
            going = lead(partial(on_update, self.unreported or self.step(pause)))
            self.unreported = self.finished = None
            self.saved = self._state()
            pause()
        self.updater.holding.finish()

    def step(self, on_pause: Callable[[], None]) -> dict[str, float]:
        """Make one update, or finish the one under way, and return its metrics."""
        if self.under_way is None:
            self.under_way = self._play()
            self.saved = self._state()
            on_pause()
        work = self.under_way
        clock = Clock(work.seconds)

        def after_step() -> None:
            clock.lap("update_s")
            self.saved = self._state()
            on_pause()

        self._improve(work, after_step)
        metrics = {**work.figures, **work.stats.metrics(), **clock.metrics(tokens=len(work.batch))}
        self.kl.observe(metrics["kl"], len(work.batch.trajectories))
        self.entropy.observe(metrics.get("entropy", math.nan))
        self.health.observe(self.update, metrics)
        metrics["warnings"] = float(len(self.health.active))
        self.update, self.under_way, self.unreported = self.update + 1, None, metrics
        self.finished = work
        self.saved = self._state()
        return metrics

    def _play(self) -> UpdateState:
        """Play this update's episodes, score them and give them credit."""
        seconds: dict[str, float] = {}
        clock = Clock(seconds)
        episodes, figures = self.rollouts.play(self.update, self.temperature, self.progress, self.remaining - 1)
        clock.lap("rollout_s")
        batch = self._score(episodes)
        clock.lap("score_s")
        credit = self._credit(batch)
        figures |= {
            **episode_metrics(episodes),
            **batch_metrics(batch, self.config.microbatch_tokens),
            **credit_metrics(batch, credit),
            **self._settings(),
            "staleness": float(max((self.policy.weights_version - one.weights_version for one in episodes), default=0)),
        }
        return UpdateState(batch, credit, figures, seconds)

    def _score(self, episodes: list[Trajectory]) -> TokenBatch:
        """Ask the policy, its reference and its critic about the batch, once."""
        return score_batch(
            self.policy,
            TokenBatch.of(episodes),
            self.config.microbatch_tokens,
            critic=self.algorithm.critic is not None,
            reference=self.config.kl_coef > 0,
            ranks=self.ranks,
        )

    def _credit(self, batch: TokenBatch) -> Credit:
        """Give every action token its advantage."""
        if self.config.kl_placement == "reward":
            batch = charge_rewards(batch, self.kl.coef)
        credit = self.algorithm.credit(batch, self.config)
        return without_overlong(batch, credit) if self.config.filters.mask_overlong else credit

    def _improve(self, work: UpdateState, after_step: Callable[[], None]) -> None:
        """Change the weights."""
        self.updater.run(
            work,
            learning_rate=self._learning_rate(),
            kl_coef=self.kl.coef if self.config.kl_placement == "loss" else 0.0,
            entropy_coef=self.entropy.coef,
            critic_only=self._warming_up(),
            generator=np.random.default_rng((self.config.seed, self.update)),
            after_step=after_step,
        )

    def _warming_up(self) -> bool:
        """Return whether this update trains the critic alone."""
        critic = self.algorithm.critic
        return critic is not None and self.update < critic.pace(self.config).warmup

    def _state(self) -> TrainerState:
        """Return the state as it is now."""
        return TrainerState(
            update=self.update,
            schedule_start=self.schedule_start,
            schedule_updates=self.schedule_updates,
            weights_version=self.policy.weights_version,
            parts={name: part.state() for name, part in self.stateful.items()},
            generators=capture_generators(),
            unreported=self.unreported,
            under_way=self.under_way,
        )

    def restore(self, state: TrainerState) -> None:
        """Go back, or on, to where `saved` was taken; the weights and the optimiser must be of the same moment."""
        self.update, self.schedule_start = state.update, state.schedule_start
        self.schedule_updates, self.policy.weights_version = state.schedule_updates, state.weights_version
        for name, part in self.stateful.items():
            part.restore(state.parts[name])
        self.unreported, self.under_way = state.unreported, state.under_way
        self.saved = state

    def _learning_rate(self) -> float:
        return learning_rate(
            self.config.lr_schedule,
            self.config.learning_rate,
            self.update - self.schedule_start,
            self.schedule_updates,
            self.config.warmup_updates,
        )

    def _settings(self) -> dict[str, float]:
        """Return how far the run is, and what it is steered to now."""
        return {
            "update": float(self.update),
            "learning_rate": self._learning_rate(),
            "kl_coef": self.kl.coef,
            "entropy_coef": self.entropy.coef,
        }
