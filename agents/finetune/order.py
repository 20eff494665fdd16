"""The order in which rows are learned: a function of the seed and of counts, so that a resumed run goes on in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices


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


def _seed_of(*key: int) -> int:
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)
