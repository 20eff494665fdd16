"""What the trainer needs of a policy and of a collector, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn

from agents.trajectory import Trajectory
from textenvs.faults import Fault

if TYPE_CHECKING:
    from agents.policies.scores import TokenScores
    from agents.rollout.collector import EpisodeRequest
    from agents.rollout.sampling import SamplingParams

CRITIC_PREFIX = "critic."
"""How the names of the critic's own parameters begin."""


class Stateful(Protocol):
    """A part of the trainer that remembers something from one update to the next; see `Trainer.stateful`."""

    def state(self) -> Mapping[str, Any]:
        """Return what it remembers, as JSON holds it; the result must not change afterwards."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Remember what `state` returned."""
        ...


class TrainablePolicy(Protocol):
    """A policy that scores tokens with gradient; `agents.policies.CausalLMPolicy` is one."""

    weights_version: int

    @property
    def twice_differentiable(self) -> bool:
        """Whether a gradient of what it says has a gradient itself."""
        ...

    def score(self, token_ids: Tensor, attention_mask: Tensor, select: Tensor, temperature: Tensor) -> TokenScores:
        """Score the selected tokens, row-major; values belong to the state before each token."""
        ...

    def values(self, token_ids: Tensor, attention_mask: Tensor, select: Tensor) -> Tensor:
        """Return the critic's values before the selected tokens, with gradient for the critic's own weights alone."""
        ...

    def distributions(
        self,
        token_ids: Tensor,
        attention_mask: Tensor,
        select: Tensor,
        temperature: Tensor,
        *,
        weights: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Return the log-probabilities [N, V] that each selected token was drawn from, with gradient.

        `weights` take the place of the parameters of these names.
        """
        ...

    def reference_logprobs(
        self, token_ids: Tensor, attention_mask: Tensor, select: Tensor, temperature: Tensor
    ) -> Tensor:
        """Return the reference's log-probabilities of the selected tokens."""
        ...

    def state_values(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the critic's value of the state that ends with each row's last real token."""
        ...

    def trainable_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Return the parameters that training changes, by name."""
        ...

    def mark_updated(self) -> None:
        """Record that the weights have changed."""
        ...

    def eval(self) -> None:
        """Switch dropout off."""
        ...

    def save(self, path: str | Path, *, with_reference: bool = False) -> None:
        """Write a folder that can be loaded again."""
        ...


class EpisodeCollector(Stateful, Protocol):
    """Episodes in, trajectories out; `agents.rollout.Collector` is one.

    Attributes:
        params: the sampler; may be set anew between two calls of `collect`.
    """

    params: SamplingParams

    @property
    def counts(self) -> Mapping[Fault, int]:
        """What has failed so far, by the boundary where it did."""
        ...

    @property
    def staleness(self) -> int:
        """How many updates ahead episodes are to be expected."""
        ...

    def expect(self, requests: Sequence[EpisodeRequest], update: int) -> None:
        """Begin with episodes that a later `collect` will ask for, with the weights as they are now."""
        ...

    def set_progress(self, progress: float) -> None:
        """Tell the reward how far training has come, from 0.0 to 1.0."""
        ...

    def collect(self, requests: Sequence[EpisodeRequest], update: int) -> list[Trajectory]:
        """Play the requested episodes with the current weights."""
        ...
