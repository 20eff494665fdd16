"""The order in which rows are learned: a function of the seed and of counts, so that a resumed run goes on in it."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

from agents.finetune.stage_config import StageConfig
from agents.rows.mixture import MixtureConfig, RowMixture


class PassOrder(Sampler[int]):
    """One pass over all rows after the other, each shuffled anew, rows of like length side by side.

    Args:
        lengths: of the rows, in tokens.
        batch_size: rows per step; within some fifty batches they are sorted by length.
        passes: how many; the last may be a part of one.
        seed: of the shuffles.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, passes: float, seed: int) -> None:
        self._lengths = list(lengths)
        self._batch_size = batch_size
        self._rows = math.ceil(passes * len(lengths))
        self._seed = seed

    def __len__(self) -> int:
        """Return how many rows are learned in all, repetitions counted."""
        return self._rows

    def __iter__(self) -> Iterator[int]:
        """Yield the rows' places."""
        size = len(self._lengths)
        for number, first in enumerate(range(0, self._rows, size)):
            generator = torch.Generator().manual_seed(_seed_of(self._seed, number))
            order = get_length_grouped_indices(self._lengths, self._batch_size, generator=generator)
            yield from order[: self._rows - first]


class MixedOrder(Sampler[int]):
    """The batches of a mixture, one after the other; within each, rows of like length stand side by side.

    Args:
        mixture: of the rows; its state is left alone, so that every iteration begins at the beginning.
        lengths: of the rows, in tokens.
    """

    def __init__(self, mixture: RowMixture, lengths: Sequence[int]) -> None:
        self._mixture = mixture
        self._lengths = list(lengths)

    def __len__(self) -> int:
        """Return how many rows are learned in all, repetitions counted."""
        return len(self._mixture) * self._mixture.batch_size

    def __iter__(self) -> Iterator[int]:
        """Yield the rows' places."""
        for batch in copy.deepcopy(self._mixture):
            yield from sorted(batch, key=self._lengths.__getitem__, reverse=True)


def order_of(
    lengths: Sequence[int], kinds: Sequence[str], config: StageConfig, mixture: MixtureConfig | None
) -> PassOrder | MixedOrder:
    """Return the order in which a stage learns its rows.

    Args:
        lengths: of the rows, in tokens.
        kinds: of the rows.
        config: batch size, passes and seed.
        mixture: in what shares the kinds are learned; None takes every row once per pass.

    Raises:
        ConfigError: if the rows cannot be mixed so.
    """
    if mixture is None:
        return PassOrder(lengths, config.batch_size, config.epochs, config.seed)
    return MixedOrder(RowMixture(kinds, config.batch_size, mixture, config.seed, config.epochs), lengths)


def _seed_of(*key: int) -> int:
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)
