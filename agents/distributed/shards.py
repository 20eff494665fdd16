"""Weights in parts: each rank keeps its part of every layer, of its gradient and of the optimiser's memory (FSDP2).

Between updates every rank has the whole weights, because it plays episodes with them: nothing that is done with a
policy then needs the other ranks. During an update they are let go. What is trained is a twin of the policy, whose
layers PyTorch's `fully_shard` gathers for one pass and lets go again (Rajbhandari et al. 2020, "ZeRO", stage 3).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from agents.distributed.ranks import Ranks
from agents.distributed.replicas import Moments, P, Replicas
from agents.distributed.sharding import Sharding
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.value_head import ValueHead
from textenvs.errors import CheckpointError, ConfigError

T = TypeVar("T")
N = TypeVar("N", bound=nn.Module)

GATHER, DONE = "gather", "done"
"""What the first rank tells the others while it works."""


class Shards(Replicas[CausalLMPolicy]):
    """Every rank holds a part of the weights while they change.

    Args:
        policy: to be trained; whole between updates, empty during one.
        optimizer: of its parameters; from `begin` on, of this rank's parts of them.
        ranks: each of which has a part.
        sharding: how to cut.

    Attributes:
        policy: from `begin` on, the twin in parts.
    """

    def __init__(
        self, policy: CausalLMPolicy, optimizer: torch.optim.Optimizer, ranks: Ranks, sharding: Sharding
    ) -> None:
        super().__init__(policy, optimizer, ranks)
        self._sharding = sharding
        self._intact = policy
        self._root: nn.Module | None = None
        self._pairs: list[tuple[nn.Parameter, DTensor]] = []
        self._in_parts = self._attended = False
        self._kept: Moments | None = None

    @property
    def savable(self) -> bool:
        """Whether `whole` can be entered now: before and after training, and while the others listen, in `lead`."""
        return self._root is None or self._kept is not None or self._attended

    def begin(self) -> None:
        """Give every rank the first one's weights, and cut; all ranks call it together, before they train.

        Raises:
            ConfigError: the policy has none of the layers that are to be cut.
        """
        before = self._intact.trainable_parameters()
        self.ranks.copy_weights([weight for _, weight in before])
        if self._root is None:
            mesh = init_device_mesh(torch.device(self.ranks.device).type, (self.ranks.size,))
            self._root, self.policy = _cut(self._intact, self._sharding, mesh)
            self._pairs = list(zip(_weights(self._intact), cast(list[DTensor], _weights(self.policy)), strict=True))
            _hand_over(self.optimizer, before, self.policy.trainable_parameters())
        self.policy.eval()
        self._kept = None

    @contextmanager
    def updating(self) -> Iterator[None]:
        """Enter the context in which weights change: each rank takes its parts, and afterwards all are whole again."""
        self._take_parts()
        self._let_go()
        self._in_parts = True
        yield
        self._gather_weights(keep=True)
        self._in_parts = False

    def rounds(self, work: Sequence[T]) -> Iterator[tuple[T, float]]:
        """Yield this rank's share; where others have one more, also something that counts for nothing.

        A layer is gathered by all ranks together, so each must make as many passes as any other.
        """
        mine = self.ranks.share(work)
        yield from ((one, 1.0) for one in mine)
        if len(mine) * self.ranks.size < len(work):
            yield work[0], 0.0

    def run(self, forward: Callable[[], T]) -> T:
        """Return what a forward pass gives."""
        return forward() if self._root is None else self._root(forward)

    def clip(self, parameters: Sequence[nn.Parameter], limit: float) -> Tensor:
        """Scale the gradients, which are summed already, to a norm of at most `limit`; return the norm they had."""
        return _whole(torch.nn.utils.clip_grad_norm_(parameters, limit))

    def lead(self, work: Callable[[], T]) -> T:
        """Let every rank work, the others help whenever the first one gathers, and return what the first one gets."""
        self._attended = self.ranks.first
        try:
            answer = work()
        finally:
            self._attended = False
        if self.ranks.first:
            return self.ranks.agree((DONE, answer))[1]
        while (told := self.ranks.agree((DONE, answer)))[0] == GATHER:
            self._gather()
        return told[1]

    @contextmanager
    def whole(self) -> Iterator[Moments]:
        """Yield what the optimiser remembers, with all of the policy's weights at hand; for the first rank.

        Raises:
            CheckpointError: if the other ranks cannot be asked for their parts now.
        """
        if not self.savable:
            raise CheckpointError("the weights lie in parts on several ranks, and the others do not listen now")
        if not self._attended:
            yield self.moments() if self._kept is None else self._kept
            return
        self.ranks.agree((GATHER, None))
        yield self._gather()
        if self._in_parts:
            self._let_go()

    def finish(self) -> None:
        """Leave the first rank with all that the optimiser remembers, in main memory; all ranks call it together."""
        self._kept = self._gather()

    def _gather(self) -> Moments:
        """Put together on the first rank what all of them have; returns what the optimiser remembers."""
        if self._in_parts:
            self._gather_weights(keep=self.ranks.first)
        gathered: dict[str, dict[str, Any]] = {}
        for name, state in self.moments().items():
            values = {key: _whole(value) for key, value in state.items()}
            gathered[name] = {key: value.cpu() for key, value in values.items()} if self.ranks.first else {}
        return gathered

    @torch.no_grad()
    def _take_parts(self) -> None:
        """Take this rank's part of the whole weights."""
        for whole, part in self._pairs:
            part.to_local().copy_(_part_of(whole, part).to_local())

    @torch.no_grad()
    def _gather_weights(self, keep: bool) -> None:
        """Make the weights whole, on this rank if it is to `keep` them."""
        for whole, part in self._pairs:
            value = part.full_tensor()
            if keep:
                whole.data = value

    def _let_go(self) -> None:
        """Free the whole weights."""
        for whole, _ in self._pairs:
            whole.data = whole.data.new_empty(0)


def hold(policy: P, optimizer: torch.optim.Optimizer, ranks: Ranks) -> Replicas[P]:
    """Return how the ranks hold a policy's weights.

    Args:
        policy: to be trained.
        optimizer: of its parameters.
        ranks: that train together.
    """
    if ranks.sharding is None:
        return Replicas(policy, optimizer, ranks)
    if not isinstance(policy, CausalLMPolicy):
        raise ConfigError(f"FSDP cuts a CausalLMPolicy, not a {type(policy).__name__}")
    return cast(Replicas[P], Shards(policy, optimizer, ranks, ranks.sharding))  # whose policies are P's too


class _Root(nn.Module):
    """A policy's networks under one roof; what is in no layer is gathered while something runs in it."""

    def __init__(self, model: nn.Module, critic: nn.Module | None) -> None:
        super().__init__()
        self.model = model
        self.critic = critic

    def forward(self, work: Callable[[], T]) -> T:
        return work()


def _cut(policy: CausalLMPolicy, sharding: Sharding, mesh: DeviceMesh) -> tuple[_Root, CausalLMPolicy]:
    """Return a twin of a policy with weights in parts, and the roof over its networks."""
    twin = policy.over(_twin(policy.model), _twin(policy.critic) if policy.critic is not None else None)
    root = _Root(twin.model, twin.critic)
    for layer in _layers(root, twin.model, sharding):
        fully_shard(layer, mesh=mesh, reshard_after_forward=sharding.reshard_after_forward)
    fully_shard(root, mesh=mesh)
    for module in root.modules():
        if isinstance(module, FSDPModule):
            # Gradients are sums divided by counts of the whole batch, so their sum over ranks is what is wanted.
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)
    return root, twin


def _layers(root: nn.Module, model: Any, sharding: Sharding) -> list[nn.Module]:
    """Return what is gathered by itself: the layers, and heads of critics, whose dtype may be another.

    Raises:
        ConfigError: there are no layers of a class that was named.
    """
    absent = set(sharding.layers or ()) - {type(module).__name__ for module in root.modules()}
    if absent:
        raise ConfigError(f"fsdp_transformer_layer_cls_to_wrap: the model has no {', '.join(sorted(absent))}")
    names = sharding.layers if sharding.layers is not None else model._no_split_modules or ()
    return [module for module in root.modules() if type(module).__name__ in names or isinstance(module, ValueHead)]


def _twin(network: N) -> N:
    """Return a copy whose parameters are others, but lie in the same memory; what is cut from it does not."""
    same = {id(weight): nn.Parameter(weight.detach(), weight.requires_grad) for weight in network.parameters()}
    return copy.deepcopy(network, cast(dict[int, Any], same))


def _weights(policy: CausalLMPolicy) -> list[nn.Parameter]:
    """Return all weights of a policy, frozen ones too."""
    return [*policy.model.parameters(), *(policy.critic.parameters() if policy.critic is not None else ())]


def _hand_over(
    optimizer: torch.optim.Optimizer,
    before: Sequence[tuple[str, nn.Parameter]],
    after: Sequence[tuple[str, nn.Parameter]],
) -> None:
    """Let an optimiser move the parts in place of the whole weights, with their parts of what it remembers."""
    parts = {whole: part for (_, whole), (_, part) in zip(before, after, strict=True)}
    for group in optimizer.param_groups:
        group["params"] = [parts[whole] for whole in group["params"]]
    for whole, part in parts.items():
        if whole in optimizer.state:
            state = optimizer.state.pop(whole)
            optimizer.state[part] = {key: _part_of(value, cast(DTensor, part)) for key, value in state.items()}


def _part_of(value: Tensor, like: DTensor) -> Any:
    """Return this rank's part of a tensor that is cut as `like` is; a count stays as it is."""
    if value.dim() == 0:
        return value
    return distribute_tensor(value, like.device_mesh, like.placements, src_data_rank=None)


def _whole(value: Tensor) -> Tensor:
    """Return all of a tensor that may lie in parts."""
    return value.full_tensor() if isinstance(value, DTensor) else value
