"""Playing held-out items: the same fixed list for every policy, so that two evaluations pair item by item."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym

from agents.evaluation.results import EpisodeScore, EvaluationResult
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


@runtime_checkable
class HasPolicy(Protocol):
    """An agent: something that trains, and acts through, a policy."""

    @property
    def policy(self) -> CausalLMPolicy:
        """The policy that acts."""
        ...


Subject = CausalLMPolicy | HasPolicy | RemotePolicy | ScriptedPolicy | str | Act
"""What can be evaluated: a policy (also one behind an endpoint), an agent, a baseline or its name, or a function."""


def evaluate(
    subject: Subject,
    env_id: str,
    *,
    env_kwargs: Mapping[str, Any] | None = None,
    split: str = "test",
    episodes: int = 200,
    indices: Sequence[int] | None = None,
    samples: int = 1,
    deterministic: bool = True,
    temperature: float = 1.0,
    max_new_tokens: int = 64,
    seed: int = 0,
    group: str = "",
) -> EvaluationResult:
    """Play a fixed list of items of one environment.

    Args:
        subject: a policy, an agent, a policy behind an endpoint, a scripted policy, the name of one of the
            environment's baselines, or a function ``observation -> str``.
        env_id: of a registered environment.
        env_kwargs: for `gymnasium.make`.
        split: which items.
        episodes: how many items, from index 0; a finite corpus has no more than it has.
        indices: the items by index, instead of the first `episodes`.
        samples: episodes per item; more than one makes sense for sampled actions only.
        deterministic: take the likeliest token; otherwise sample. Policies only.
        temperature: of the sampling.
        max_new_tokens: longest turn, in tokens.
        seed: of the sampling noise.
        group: name that the episodes carry, such as the language.

    Returns:
        One record per item and sample, in order.

    Raises:
        UnknownNameError: if the environment has no such baseline.
        ConfigError: if a number is out of range.
        EndpointError: if the endpoint does not answer at the beginning; an episode in which it fails later is missing.
    """
    if episodes < 1 or samples < 1:
        raise ConfigError(f"episodes={episodes}, samples={samples}: both must be at least 1")
    make = functools.partial(gym.make, env_id, disable_env_checker=True, **{**(env_kwargs or {}), "split": split})
    items = list(indices) if indices is not None else list(range(_limit(make(), episodes)))
    policy = subject.policy if isinstance(subject, HasPolicy) else subject
    if isinstance(policy, CausalLMPolicy):
        params = SamplingParams(temperature=temperature, max_new_tokens=max_new_tokens, greedy=deterministic, seed=seed)
        return _play_policy(policy, make, items, samples, params, group)
    if isinstance(policy, RemotePolicy):
        remote = policy.sampling(0.0 if deterministic else temperature, max_new_tokens, seed)
        return _play_remote(remote, make, items, samples, group)
    env = make()
    scripted = ScriptedPolicy.of(env, policy) if isinstance(policy, str) else policy
    act = scripted.rule if isinstance(scripted, ScriptedPolicy) else scripted
    return EvaluationResult(tuple(_play(act, env, index, group) for index in items for _ in range(samples)))


def _limit(env: gym.Env[Any, Any], episodes: int) -> int:
    """Return how many items to play: a finite corpus says how many it has."""
    size = getattr(env.unwrapped, "n_items", None)
    return episodes if size is None else min(episodes, size)


def _play_policy(
    policy: CausalLMPolicy,
    make: Callable[[], gym.Env[Any, Any]],
    items: Sequence[int],
    samples: int,
    params: SamplingParams,
    group: str,
) -> EvaluationResult:
    requests = [
        EpisodeRequest(group_id=place, member=member, index=index)
        for place, index in enumerate(items)
        for member in range(samples)
    ]
    collector = Collector(policy, make, params)
    try:
        trajectories = collector.collect(requests)
    finally:
        collector.close()
    return EvaluationResult(tuple(EpisodeScore.of(t, items[t.group_id], group) for t in trajectories))


def _play_remote(
    policy: RemotePolicy, make: Callable[[], gym.Env[Any, Any]], items: Sequence[int], samples: int, group: str
) -> EvaluationResult:
    """Play with a model behind an endpoint, as many episodes at a time as it takes."""
    client_of(policy.endpoint).check()
    workers = min(policy.endpoint.concurrency, len(items) * samples)
    idle: SimpleQueue[gym.Env[Any, Any]] = SimpleQueue()
    for _ in range(workers):
        idle.put(make())

    def play(job: tuple[int, int]) -> EpisodeScore:
        index, sample = job
        env = idle.get()
        seeded = policy.sampling(policy.temperature, policy.max_tokens, (policy.seed or 0) + sample)
        try:
            return _play(seeded, env, index, group)
        finally:
            idle.put(env)

    with ThreadPoolExecutor(workers) as threads:
        return EvaluationResult(tuple(threads.map(play, itertools.product(items, range(samples)))))


def _play(act: Act, env: gym.Env[Any, Any], index: int, group: str) -> EpisodeScore:
    """Play one item with a function; where an endpoint fails, the episode ends there and says nothing."""
    observation, info = env.reset(options={"index": index})
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
        index=index,
        task_id=str(info["task_id"]),
        group=group,
        success=float(info["success"]),
        episode_return=sum(turn.reward for turn in turns) if valid else float("nan"),
        turns=tuple(turns),
        stop=str(info["stop"]),
        messages=tuple(dict(message) for message in observation["history"]),
    )
