"""What lives in a Ray actor: a copy of the policy, environments, and a collector between them."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.storage import PolicySettings
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.sampling import SamplingParams
from agents.trajectory import Trajectory
from textenvs.faults import Fault
from textenvs.vector import Supply, WorkerKind

Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Recipe:
    """All that a player is made from; it is sent once.

    Attributes:
        model: on the CPU.
        tokenizer: of the model.
        settings: of the policy, without critic and reference, which only the learner needs.
        stop_ids: tokens that end a turn.
        source: of the environments: an id, or a function that makes one.
        env_kwargs: for `gymnasium.make`.
        max_context: as in `Collector`.
        workers: as in `Collector`.
        step_timeout_s: as in `Collector`.
    """

    model: Any
    tokenizer: Any
    settings: PolicySettings
    stop_ids: tuple[int, ...]
    source: Any
    env_kwargs: Mapping[str, Any]
    max_context: int | None
    workers: WorkerKind
    step_timeout_s: float | None

    @classmethod
    def of(cls, policy: CausalLMPolicy, source: Any, env_kwargs: Mapping[str, Any], **rest: Any) -> Recipe:
        """Return the recipe for copies of a policy as it is now."""
        settings = policy.settings.replace(critic=None, reference=None)
        model = copy.deepcopy(policy.model).to("cpu")
        return cls(model, policy.tokenizer, settings, tuple(policy.chat.stop_ids), source, env_kwargs, **rest)


@dataclass(frozen=True)
class Errand:
    """Episodes that one player is to play.

    Attributes:
        requests: of whole groups.
        update: keys the noise.
        params: the sampler.
        progress: of the training, for rewards that move with it.
        version: of the weights.
    """

    requests: Sequence[EpisodeRequest]
    update: int
    params: SamplingParams
    progress: float
    version: int


class Player:
    """Plays episodes with the weights that it is given.

    Args:
        recipe: that it is made from.
    """

    def __init__(self, recipe: Recipe) -> None:
        policy = CausalLMPolicy(copy.deepcopy(recipe.model), recipe.tokenizer, recipe.settings)
        policy.model.to("cuda" if torch.cuda.is_available() else "cpu")
        policy.chat.stop_ids = recipe.stop_ids
        policy.weights_version = -1  # the first errand brings the learner's own
        self.policy = policy
        self._recipe = recipe
        self._collector: Collector | None = None

    def play(self, errand: Errand, weights: Weights) -> tuple[list[Trajectory], Counter[Fault]]:
        """Return the episodes of an errand, and what has failed in them.

        Args:
            errand: what to play.
            weights: of the errand's version, by name; what is not among them never changes.
        """
        self._take(weights, errand.version)
        collector = self._collector_for(errand.params)
        collector.params = errand.params
        collector.set_progress(errand.progress)
        before = Counter(collector.counts)
        episodes = collector.collect(errand.requests, errand.update)
        return episodes, collector.counts - before

    @torch.no_grad()
    def _take(self, weights: Weights, version: int) -> None:
        if version == self.policy.weights_version:
            return
        own = dict(self.policy.model.named_parameters())
        for name, value in weights.items():
            own[name].copy_(torch.from_numpy(np.array(value)).view_as(own[name]))
        self.policy.weights_version = version

    def _collector_for(self, params: SamplingParams) -> Collector:
        if self._collector is None:
            recipe = self._recipe
            self._collector = Collector(
                self.policy,
                Supply(recipe.source, recipe.env_kwargs),
                params,
                max_context=recipe.max_context,
                workers=recipe.workers,
                step_timeout_s=recipe.step_timeout_s,
            )
        return self._collector


def weights_of(policy: CausalLMPolicy) -> Weights:
    """Return what a player's copy must be given: the trained weights alone, so of an adapter's policy the adapter."""
    trained = ((name, weight) for name, weight in policy.model.named_parameters() if weight.requires_grad)
    return {name: _array(weight.detach()) for name, weight in trained}


def _array(weight: torch.Tensor) -> NDArray[Any]:
    """Return a weight's numbers; numpy has no bfloat16, and float32 holds it exactly."""
    return weight.float().cpu().numpy() if weight.dtype == torch.bfloat16 else weight.cpu().numpy()
