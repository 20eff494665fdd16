"""Players: what plays held-out items, whatever kind of policy it is. All take jobs and return episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from queue import SimpleQueue
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym

from agents.evaluation.results import EpisodeScore
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.remote import RemotePolicy
from agents.policies.scripted import ScriptedPolicy
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.recording import turn_record
from agents.rollout.sampling import SamplingParams
from textenvs.chat_client import client_of
from textenvs.core import Observation
from textenvs.errors import ConfigError, EndpointError
from textenvs.messages import Stop

Act = Callable[[Observation], str]
Make = Callable[[], gym.Env[Any, Any]]


@dataclass(frozen=True, slots=True)
class Job:
    """One episode to play.

    Attributes:
        index: of the item.
        member: number of the episode among those of the same item.
    """

    index: int
    member: int


Player = Callable[[Sequence[Job]], list[EpisodeScore]]


@runtime_checkable
class HasPolicy(Protocol):
    """An agent: something that trains, and acts through, a policy."""

    @property
    def policy(self) -> CausalLMPolicy:
        """The policy that acts."""
        ...


Subject = CausalLMPolicy | HasPolicy | RemotePolicy | ScriptedPolicy | str | Act
"""What can be evaluated: a policy (also one behind an endpoint), an agent, a baseline or its name, or a function."""


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
    policy = subject.policy if isinstance(subject, HasPolicy) else subject
    if isinstance(policy, CausalLMPolicy):
        return _model_player(policy, make, sampling, group)
    if isinstance(policy, RemotePolicy):
        return _remote_player(policy, make, sampling, group)
    env = make()
    scripted = ScriptedPolicy.of(env, policy) if isinstance(policy, str) else policy
    act = scripted.rule if isinstance(scripted, ScriptedPolicy) else scripted
    return lambda jobs: [_play(act, env, job, group) for job in jobs]


def _model_player(policy: CausalLMPolicy, make: Make, sampling: Sampling, group: str) -> Player:
    """Play live conversations together; the noise of an episode is keyed by its item and member."""
    params = SamplingParams(
        temperature=sampling.temperature,
        max_new_tokens=sampling.max_new_tokens,
        greedy=sampling.deterministic,
        seed=sampling.seed,
    )

    def play(jobs: Sequence[Job]) -> list[EpisodeScore]:
        requests = [EpisodeRequest(place, job.member, index=job.index) for place, job in enumerate(jobs)]
        collector = Collector(policy, make, params)
        try:
            trajectories = collector.collect(requests)
        finally:
            collector.close()
        pairs = zip(trajectories, jobs, strict=True)
        return [EpisodeScore.of(trajectory, job.index, group, job.member) for trajectory, job in pairs]

    return play


def _remote_player(policy: RemotePolicy, make: Make, sampling: Sampling, group: str) -> Player:
    """Play with a model behind an endpoint, as many episodes at a time as it takes."""
    client_of(policy.endpoint).check()
    temperature = 0.0 if sampling.deterministic else sampling.temperature
    idle: SimpleQueue[gym.Env[Any, Any]] = SimpleQueue()
    for _ in range(policy.endpoint.concurrency):
        idle.put(make())

    def play(job: Job) -> EpisodeScore:
        env = idle.get()
        seeded = policy.sampling(temperature, sampling.max_new_tokens, sampling.seed + job.member)
        try:
            return _play(seeded, env, job, group)
        finally:
            idle.put(env)

    def play_all(jobs: Sequence[Job]) -> list[EpisodeScore]:
        with ThreadPoolExecutor(policy.endpoint.concurrency) as threads:
            return list(threads.map(play, jobs))

    return play_all


def _play(act: Act, env: gym.Env[Any, Any], job: Job, group: str) -> EpisodeScore:
    """Play one item with a function; where an endpoint fails, the episode ends there and says nothing."""
    observation, info = env.reset(options={"index": job.index})
    turns = []
    ended = False
    while not ended:
        try:
            action = act(observation)
        except EndpointError:
            info = {**info, "success": float("nan"), "stop": Stop.GENERATION_FAILED}
            break
        observation, reward, terminated, truncated, info = env.step(action)
        turns.append(turn_record(float(reward), info, temperature=0.0, finish_reason="stop"))
        ended = terminated or truncated
    valid = ended and all(turn.valid for turn in turns)
    return EpisodeScore(
        index=job.index,
        task_id=str(info["task_id"]),
        group=group,
        success=float(info["success"]),
        episode_return=sum(turn.reward for turn in turns) if valid else float("nan"),
        turns=tuple(turns),
        stop=str(info["stop"] or Stop.TRUNCATED),
        messages=tuple(dict(message) for message in observation["history"]),
        member=job.member,
    )
