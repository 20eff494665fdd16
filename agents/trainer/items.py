"""Which items are played: a function of the seed and of counts, so a resumed run needs no generator's state."""

from __future__ import annotations

import copy
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.algorithms.config import TrainConfig
from agents.mixture import Mixture
from agents.rollout.collector import EpisodeRequest
from agents.trainer.curriculum import BandCurriculum
from agents.trajectory import Trajectory
from textenvs.errors import ConfigError
from textenvs.seeding import INDEX_BITS


@dataclass(frozen=True)
class ItemSequence:
    """The items of an environment, in the order in which a run meets them.

    Attributes:
        seed: of the run.
        named: whether the environment takes ``reset(options={"index": i})``; others are given equal seeds instead.
        n_items: how many items the environment has, if it is a finite corpus: each is drawn once per pass. Otherwise
            a number is uniform over `INDEX_BITS` bits.
        shares: of the tasks, in order, if it is a mixture of `n`: item `i` is one of task ``i % n``.
    """

    seed: int
    named: bool = True
    n_items: int | None = None
    shares: Mapping[str, float] = field(default_factory=dict[str, float])

    def number(self, position: int) -> int:
        """Return the number of the item at `position`, counted from 0."""
        if self.n_items is None:
            return int(np.random.default_rng((self.seed, position)).integers(1 << INDEX_BITS))
        passes, place = divmod(position, self.n_items)
        return int(np.random.default_rng((self.seed, passes)).permutation(self.n_items)[place])

    def numbers(self, first: int, count: int) -> list[int]:
        """Return the numbers of `count` items from position `first` on."""
        return [self.number(position) for position in range(first, first + count)]

    def number_of(self, task: int, position: int) -> int:
        """Return the number of the item at `position` among those of one task of the mixture."""
        tasks = len(self.shares)
        return self.number(position * tasks + task) // tasks * tasks + task

    def pool(self, size: int) -> Sequence[int]:
        """Return the items that a curriculum chooses from: all there are, or the first `size` of an endless supply."""
        return range(self.n_items) if self.n_items is not None else self.numbers(0, size)


class ItemDraws:
    """The groups of a run as they are drawn, in order of the sequence or by a curriculum.

    Args:
        items: of the environment.
        config: says how large a group is and how many make an update, and holds the curriculum's settings.

    Attributes:
        drawn: groups so far.
        curriculum: None where all items are drawn alike.
        mixture: of tasks, which gives every update the same shares; None where there is one task.

    Raises:
        ConfigError: if an update has too few groups for the shares, or a curriculum is asked for beside them.
    """

    def __init__(self, items: ItemSequence, config: TrainConfig) -> None:
        self.items = items
        self.group_size = config.group_size
        self.groups = config.n_episodes_per_update // config.group_size
        self.drawn = 0
        self.mixture = Mixture(items.shares, self.groups) if items.shares else None
        self.curriculum: BandCurriculum | None = None
        if self.mixture is not None and config.curriculum.active:
            raise ConfigError(f"curriculum.boost={config.curriculum.boost}: a mixture of tasks draws items by shares")
        if config.curriculum.active:
            self.curriculum = BandCurriculum(config.curriculum, items.seed, items.pool(config.curriculum.pool))

    def requests(self, groups: int, round_number: int = 0) -> list[EpisodeRequest]:
        """Draw groups: each is one item, played by all its members.

        Sampling noise is keyed by item and member, so an item that comes twice in an update goes on with new members.

        Args:
            groups: how many.
            round_number: counts the draws of one update.
        """
        first, self.drawn = self.drawn, self.drawn + groups
        return self._members(first, self._draw(first, groups, self.mixture), round_number)

    def upcoming(self, updates: int) -> list[EpisodeRequest]:
        """Return what will be drawn in the update so many after the last one drawn; without a curriculum."""
        first = self.drawn + (updates - 1) * self.groups
        mixture = copy.deepcopy(self.mixture)
        if mixture is not None:
            for _ in range(updates - 1):
                mixture.quotas(self.groups)
        return self._members(first, self._draw(first, self.groups, mixture), 0)

    def _members(self, first: int, items: Sequence[tuple[str, int]], round_number: int) -> list[EpisodeRequest]:
        seen: Counter[int] = Counter()
        requests: list[EpisodeRequest] = []
        for group, (task, number) in enumerate(items, start=first):
            members = self.group_size * (seen[number] + round_number * self.groups)
            seen[number] += 1
            name = "index" if self.items.named else "seed"
            requests += [
                EpisodeRequest(group, members + m, **{name: number}, task=task) for m in range(self.group_size)
            ]
        return requests

    def _draw(self, first: int, groups: int, mixture: Mixture | None) -> list[tuple[str, int]]:
        """Return the task and the number of each group's item."""
        if mixture is not None:
            before = dict(mixture.given)
            quotas = mixture.quotas(groups)
            return [
                (task, self.items.number_of(place, before[task] + i))
                for place, (task, quota) in enumerate(quotas.items())
                for i in range(quota)
            ]
        numbers = self.curriculum.draw(first, groups) if self.curriculum else self.items.numbers(first, groups)
        return [("", number) for number in numbers]

    def observe(self, played: Sequence[tuple[EpisodeRequest, Trajectory]]) -> None:
        """Tell the curriculum how the requested episodes went."""
        if self.curriculum is None:
            return
        known: dict[int, list[float]] = defaultdict(list)
        for request, trajectory in played:
            if not math.isnan(trajectory.success):
                known[request.item].append(trajectory.success)
        for item, successes in known.items():
            self.curriculum.observe(item, float(np.mean(successes)))

    def state(self) -> Mapping[str, Any]:
        """Return how many groups were drawn, and what the curriculum knows."""
        parts = {"curriculum": self.curriculum, "mixture": self.mixture}
        return {"drawn": self.drawn, **{name: part and part.state() for name, part in parts.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.drawn = state["drawn"]
        if self.curriculum is not None:
            self.curriculum.restore(state["curriculum"])
        if self.mixture is not None:
            self.mixture.restore(state["mixture"])
