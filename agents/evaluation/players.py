"""Players: what plays held-out items, whatever kind of policy it is. All take jobs and return episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from queue import SimpleQueue
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym

from agents.evaluation.playing import Act, Job, Witness, play
from agents.evaluation.results import EpisodeScore
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.remote import RemotePolicy
from agents.policies.scripted import ScriptedPolicy
from agents.policies.storage import weights_digest
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.sampling import SamplingParams, stream_key
from textenvs.chat_client import client_of
from textenvs.errors import ConfigError

Make = Callable[[], gym.Env[Any, Any]]


Player = Callable[[Sequence[Job]], list[EpisodeScore]]


@runtime_checkable
class HasPolicy(Protocol):
    """An agent: something that trains, and acts through, a policy."""

    @property
    def policy(self) -> CausalLMPolicy:
        """The policy that acts."""
        ...


@runtime_checkable
class PlaysView(Protocol):
    """A policy that plays another view of the environment than its text, such as choices or tokens."""

    def view(self, env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
        """Return the environment as the policy knows it."""
        ...

    def actor(self, view: gym.Env[Any, Any], *, deterministic: bool, seed: int) -> Callable[[Any], Any]:
        """Return what plays one episode of that view: from its observations to its actions."""
        ...


Subject = CausalLMPolicy | HasPolicy | RemotePolicy | ScriptedPolicy | PlaysView | str | Act
"""What can be evaluated: a policy (also one behind an endpoint, or of another view), an agent, a baseline or its name,
or a function."""


@dataclass(frozen=True)
class Sampling:
    """How a policy is sampled; scripted ones are not.

    Attributes:
        samples: episodes per item; more than one makes sense for sampled actions only.
        deterministic: take the likeliest token; otherwise sample.
        temperature: of the sampling.
        max_new_tokens: longest turn, in tokens.
        seed: of the sampling noise.

    Raises:
        ConfigError: if there are no samples.
    """

    samples: int = 1
    deterministic: bool = True
    temperature: float = 1.0
    max_new_tokens: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.samples < 1:
            raise ConfigError(f"samples={self.samples}: at least 1")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings for JSON."""
        return asdict(self)


def weights_of(subject: Subject) -> str:
    """Return a hash of the weights that act; "" where a policy has none here."""
    policy = subject.policy if isinstance(subject, HasPolicy) else subject
    return weights_digest(policy.model) if isinstance(policy, CausalLMPolicy) else ""


def player_of(subject: Subject, make: Make, sampling: Sampling, group: str) -> Player:
    """Return what plays items of one environment with this policy.

    Args:
        subject: what acts.
        make: makes the environment.
        sampling: how it is sampled.
        group: name that the episodes carry.

    Raises:
        UnknownNameError: if the environment has no such baseline.
        EndpointError: if the endpoint does not answer.
    """
    if isinstance(subject, PlaysView):
        return _view_player(subject, make, sampling, group)
    policy = subject.policy if isinstance(subject, HasPolicy) else subject
    if isinstance(policy, CausalLMPolicy):
        return _model_player(policy, make, sampling, group)
    if isinstance(policy, RemotePolicy):
        return _remote_player(policy, make, sampling, group)
    env = Witness(make())
    scripted = ScriptedPolicy.of(env, policy) if isinstance(policy, str) else policy
    act = scripted.rule if isinstance(scripted, ScriptedPolicy) else scripted
    return lambda jobs: [play(act, env, env, job, group) for job in jobs]


def _model_player(policy: CausalLMPolicy, make: Make, sampling: Sampling, group: str) -> Player:
    """Play live conversations together; the noise of an episode is keyed by its item and member."""
    params = SamplingParams(
        temperature=sampling.temperature,
        max_new_tokens=sampling.max_new_tokens,
        greedy=sampling.deterministic,
        seed=sampling.seed,
    )

    def play_together(jobs: Sequence[Job]) -> list[EpisodeScore]:
        requests = [EpisodeRequest(place, job.member, index=job.index) for place, job in enumerate(jobs)]
        collector = Collector(policy, make, params)
        try:
            trajectories = collector.collect(requests)
        finally:
            collector.close()
        pairs = zip(trajectories, jobs, strict=True)
        return [EpisodeScore.of(trajectory, job.index, group, job.member) for trajectory, job in pairs]

    return play_together


def _remote_player(policy: RemotePolicy, make: Make, sampling: Sampling, group: str) -> Player:
    """Play with a model behind an endpoint, as many episodes at a time as it takes."""
    client_of(policy.endpoint).check()
    temperature = 0.0 if sampling.deterministic else sampling.temperature
    idle: SimpleQueue[Witness] = SimpleQueue()
    for _ in range(policy.endpoint.concurrency):
        idle.put(Witness(make()))

    def play_one(job: Job) -> EpisodeScore:
        env = idle.get()
        seeded = policy.sampling(temperature, sampling.max_new_tokens, sampling.seed + job.member)
        try:
            return play(seeded, env, env, job, group)
        finally:
            idle.put(env)

    def play_all(jobs: Sequence[Job]) -> list[EpisodeScore]:
        with ThreadPoolExecutor(policy.endpoint.concurrency) as threads:
            return list(threads.map(play_one, jobs))

    return play_all


def _view_player(policy: PlaysView, make: Make, sampling: Sampling, group: str) -> Player:
    """Play another view; what is judged is the conversation that comes of it."""
    witness = Witness(make())
    view = policy.view(witness)

    def play_one(job: Job) -> EpisodeScore:
        seed = stream_key(sampling.seed, job.index, job.member)
        act = policy.actor(view, deterministic=sampling.deterministic, seed=seed)
        return play(act, view, witness, job, group)

    return lambda jobs: [play_one(job) for job in jobs]
