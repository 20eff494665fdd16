"""The processes that make one update together, as ``accelerate launch`` starts them.

Every rank plays its share of the episodes, is told of all the others', and feeds its share of the micro-batches.
Gradients are sums over micro-batches, divided by counts of the whole batch; so their sum over ranks is the gradient
that one process computes, whatever the loss, its normaliser and the lengths.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from agents.distributed.sharding import Sharding
from agents.trajectory import FloatArray

T = TypeVar("T")

PATIENCE = timedelta(hours=12)
"""How long a rank waits for the others: the first evaluates alone, which may take long."""

BUCKET = 1 << 24
"""Numbers that are summed over ranks at a time."""


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is; alone, nothing is exchanged and everything is one's own.

    Attributes:
        rank: of this process, from 0.
        size: how many there are.
        device: of tensors that are exchanged.
        sharding: how the weights are cut into a part for each rank; None where every rank holds them all.
    """

    rank: int = 0
    size: int = 1
    device: str = "cpu"
    sharding: Sharding | None = None

    @property
    def first(self) -> bool:
        """Whether this process writes, shows and decides."""
        return self.rank == 0

    def share(self, work: Sequence[T]) -> Sequence[T]:
        """Return this rank's part of what all ranks have: every `size`-th."""
        return work[self.rank :: self.size]

    def gather(self, mine: T) -> list[T]:
        """Return what every rank gives, in order of rank."""
        if self.size == 1:
            return [mine]
        everyones: list[T | None] = [None] * self.size
        dist.all_gather_object(everyones, mine)
        return [one for one in everyones if one is not None]

    def agree(self, value: T) -> T:
        """Return what the first rank gives."""
        return self.gather(value)[0]

    def sum(self, mine: Tensor) -> Tensor:
        """Return the sum over ranks; alone, what was given."""
        if self.size == 1:
            return mine
        total = mine.to(self.device, copy=True)
        dist.all_reduce(total)
        return total.to(mine.device)

    def sum_array(self, mine: FloatArray) -> FloatArray:
        """Return the sum over ranks, where each has filled in its share and left 0 elsewhere."""
        return np.asarray(self.sum(torch.from_numpy(mine)).numpy(), dtype=mine.dtype)

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Put the sum over ranks in place of each gradient; a parameter that no rank has one of is left without."""
        if self.size == 1:
            return
        present = self.sum(torch.tensor([float(weight.grad is not None) for weight in parameters]))
        gradients: list[Tensor] = []
        for weight, known in zip(parameters, present.tolist(), strict=True):
            if known:
                weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
                gradients.append(weight.grad)
        for bucket in _buckets(gradients):
            total = self.sum(torch.cat([gradient.reshape(-1) for gradient in bucket]))
            for gradient, part in zip(bucket, total.split([gradient.numel() for gradient in bucket]), strict=True):
                gradient.copy_(part.view_as(gradient))

    @torch.no_grad()
    def copy_weights(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give every rank the first one's weights."""
        if self.size == 1:
            return
        for weight in parameters:
            value = weight.detach().to(self.device, copy=True)
            dist.broadcast(value, src=0)
            weight.copy_(value)


ALONE = Ranks()
"""One process."""


def join_ranks() -> Ranks:
    """Return the processes that ``accelerate launch`` has started, this one among them, once they all have met.

    Call it before the policy is built: it also says which GPU is this process's own.

    Raises:
        ConfigError: if the launcher's configuration asks for something that is not supported.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    sharding = Sharding.asked_for()
    from accelerate import PartialState

    cpu = os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true" or not torch.accelerator.is_available()
    state = PartialState() if dist.is_initialized() else PartialState(cpu=cpu, timeout=PATIENCE)
    return Ranks(state.process_index, state.num_processes, str(state.device), sharding)


def leave_ranks() -> None:
    """Part from the other processes; at the end of a program."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Yield runs of tensors of one type with about `BUCKET` numbers each."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        if bucket and (bucket[0].dtype != tensor.dtype or sum(one.numel() for one in bucket) >= BUCKET):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket
