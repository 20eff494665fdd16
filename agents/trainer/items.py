"""Which items are played: a pure function of the seed and a count, so a resumed run needs no generator's state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.rollout.collector import EpisodeRequest
from textenvs.seeding import INDEX_BITS


@dataclass(frozen=True)
class ItemSequence:
    """The items of a run, in order.

    Attributes:
        seed: of the run.
        named: whether the environment takes ``reset(options={"index": i})``; others are given equal seeds instead.
        n_items: how many items the environment has, if it is a finite corpus: each is drawn once per pass. Otherwise
            a number is uniform over `INDEX_BITS` bits.
    """

    seed: int
    named: bool = True
    n_items: int | None = None

    def number(self, position: int) -> int:
        """Return the number of the item at `position`, counted from 0."""
        if self.n_items is None:
            return int(np.random.default_rng((self.seed, position)).integers(1 << INDEX_BITS))
        passes, place = divmod(position, self.n_items)
        return int(np.random.default_rng((self.seed, passes)).permutation(self.n_items)[place])

    def requests(self, update: int, groups: int, group_size: int) -> list[EpisodeRequest]:
        """Return the episodes of one update: `groups` items, each played by `group_size` members.

        Args:
            update: counted from 0; every update has as many groups.
            groups: items per update.
            group_size: episodes per item.
        """
        return [
            EpisodeRequest(group, member, **{"index" if self.named else "seed": number})
            for group in range(update * groups, (update + 1) * groups)
            for number in [self.number(group)]
            for member in range(group_size)
        ]
