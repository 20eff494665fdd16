"""Playing held-out items: the same fixed list for every policy, so that two evaluations pair item by item."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym

from agents.evaluation.results import EpisodeScore, EvaluationResult
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.scripted import ScriptedPolicy
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.recording import turn_record
from agents.rollout.sampling import SamplingParams
from textenvs.core import Observation
from textenvs.errors import ConfigError

Act = Callable[[Observation], str]


@runtime_checkable
class HasPolicy(Protocol):
    """An agent: something that trains, and acts through, a policy."""

    @property
    def policy(self) -> CausalLMPolicy:
        """The policy that acts."""
        ...


Subject = CausalLMPolicy | HasPolicy | ScriptedPolicy | str | Act
"""What can be evaluated: a policy, an agent, a scripted policy, the name of a baseline, or a function."""


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
        subject: a policy, an agent, a scripted policy, the name of one of the environment's baselines, or a function
            ``observation -> str``.
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
    """
    if episodes < 1 or samples < 1:
        raise ConfigError(f"episodes={episodes}, samples={samples}: both must be at least 1")
    make = functools.partial(gym.make, env_id, disable_env_checker=True, **{**(env_kwargs or {}), "split": split})
    items = list(indices) if indices is not None else list(range(_limit(make(), episodes)))
    policy = subject.policy if isinstance(subject, HasPolicy) else subject
    if isinstance(policy, CausalLMPolicy):
        params = SamplingParams(temperature=temperature, max_new_tokens=max_new_tokens, greedy=deterministic, seed=seed)
        return _play_policy(policy, make, items, samples, params, group)
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


def _play(act: Act, env: gym.Env[Any, Any], index: int, group: str) -> EpisodeScore:
    """Play one item with a function."""
    observation, info = env.reset(options={"index": index})
    turns = []
    ended = False
    while not ended:
        observation, reward, terminated, truncated, info = env.step(act(observation))
        turns.append(turn_record(float(reward), info, temperature=0.0, finish_reason="stop"))
        ended = terminated or truncated
    valid = all(turn.valid for turn in turns)
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
