"""How ranks that train together hold the weights: every one of them all, see `Replicas`, or each a part, `Shards`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from agents.distributed.ranks import Ranks

T = TypeVar("T")
Moments = Mapping[str, Mapping[str, Any]]
"""What an optimiser remembers, by the parameter's name and its own key."""


class Trained(Protocol):
    """A policy with weights that an optimiser moves."""

    def trainable_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Return the parameters that training changes, by name."""
        ...


P = TypeVar("P", bound=Trained)


class Replicas(Generic[P]):
    """Every rank holds all weights, and gradients are summed over ranks before a step; one process is one rank.

    Args:
        policy: to be trained.
        optimizer: of its parameters.
        ranks: that share the micro-batches of every step.

    Attributes:
        policy: whose parameters the optimiser moves, and that losses are computed with.
    """

    def __init__(self, policy: P, optimizer: torch.optim.Optimizer, ranks: Ranks) -> None:
        self.policy = policy
        self.optimizer = optimizer
        self.ranks = ranks

    @property
    def savable(self) -> bool:
        """Whether `whole` can be entered now."""
        return True

    def begin(self) -> None:
        """Give every rank the first one's weights; all ranks call it together, before they train."""
        self.ranks.copy_weights([weight for _, weight in self.policy.trainable_parameters()])

    def updating(self) -> AbstractContextManager[object]:
        """Return the context in which weights change."""
        return nullcontext()

    def rounds(self, work: Sequence[T]) -> Iterator[tuple[T, float]]:
        """Yield this rank's share of what all ranks have, which is something, and how much each counts."""
        for mine in self.ranks.share(work):
            yield mine, 1.0

    def run(self, forward: Callable[[], T]) -> T:
        """Return what a forward pass gives."""
        return forward()

    def clip(self, parameters: Sequence[nn.Parameter], limit: float) -> Tensor:
        """Sum the gradients over ranks, scale them to a norm of at most `limit`, and return the norm they had."""
        self.ranks.sum_gradients(parameters)
        return torch.nn.utils.clip_grad_norm_(parameters, limit)

    def lead(self, work: Callable[[], T]) -> T:
        """Let every rank work, and return what the first one's work gives."""
        return self.ranks.agree((work(),))[0]

    @contextmanager
    def whole(self) -> Iterator[Moments]:
        """Yield what the optimiser remembers, with all of the policy's weights at hand; for the first rank.

        Raises:
            CheckpointError: if the other ranks cannot be asked for their parts now.
        """
        yield self.moments()

    def finish(self) -> None:
        """End what `begin` began; all ranks call it together."""

    def moments(self) -> Moments:
        """Return what the optimiser remembers, as this rank has it."""
        return {name: self.optimizer.state.get(weight, {}) for name, weight in self.policy.trainable_parameters()}
