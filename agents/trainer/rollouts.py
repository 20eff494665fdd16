"""The episodes of each update: which items, under which sampler, and what is left out of them."""

from __future__ import annotations

import math
from dataclasses import replace

from agents.algorithms.config import TrainConfig
from agents.trainer.filters import Gathered, gather
from agents.trainer.items import ItemDraws, ItemSequence
from agents.trainer.metrics import fault_metrics
from agents.trainer.protocols import EpisodeCollector
from agents.trajectory import Trajectory


class Rollouts:
    """Plays the episodes that each update is made from.

    Args:
        collector: plays them.
        items: of the environment.
        config: of the run.

    Attributes:
        draws: the items drawn so far.
    """

    def __init__(self, collector: EpisodeCollector, items: ItemSequence, config: TrainConfig) -> None:
        self.collector = collector
        self.draws = ItemDraws(items, config)
        self.config = config
        self.groups = config.n_episodes_per_update // config.group_size

    def play(
        self, update: int, temperature: float, progress: float, left: int = 0
    ) -> tuple[list[Trajectory], dict[str, float]]:
        """Play one update's episodes, and have those of the next begun, as far ahead as the collector plays.

        Args:
            update: counted from 0.
            temperature: of the sampling.
            progress: how far training has come, for rewards that move with it.
            left: how many updates come after this one.

        Returns:
            The episodes, and how they were sampled, counted and filtered.
        """
        self.collector.set_progress(progress)
        self.collector.params = replace(self.collector.params, temperature=temperature)
        gathered = gather(
            lambda groups, number: self._round(update, groups, number), self.groups, self.config.filters.resample_rounds
        )
        for ahead in range(1, min(self.collector.staleness, left) + 1):
            self.collector.expect(self.draws.upcoming(ahead), update + ahead)
        return gathered.episodes, self._figures(gathered)

    def _round(self, update: int, groups: int, number: int) -> list[Trajectory]:
        """Play so many new groups; episodes whose environment failed say nothing about the policy."""
        requests = self.draws.requests(groups, number)
        played = zip(requests, self.collector.collect(requests, update), strict=True)
        whole = [(request, trajectory) for request, trajectory in played if not trajectory.failed]
        self.draws.observe(whole)
        return [trajectory for _, trajectory in whole]

    def _figures(self, gathered: Gathered) -> dict[str, float]:
        size = self.config.group_size
        played = gathered.groups * size
        curriculum = self.draws.curriculum
        return {
            "episodes": float(self.draws.drawn * size),
            "temperature": self.collector.params.temperature,
            "epsilon": self.collector.params.epsilon,
            "flat_groups": gathered.flat / self.groups if size > 1 else math.nan,
            "replaced_groups": float(gathered.replaced),
            "dropped_episodes": float(played - gathered.whole),
            **fault_metrics(self.collector.counts),
            **({"curriculum_in_band": curriculum.in_band()} if curriculum else {}),
        }
