"""The examination: a few episodes, and everything that can be checked about them."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from agents.doctor.finding import Finding, Verdict
from agents.doctor.rendering import check_rendering
from agents.doctor.sampler import check_sampler
from agents.doctor.world import check_world
from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.sampling import SamplingParams
from agents.trajectory import Trajectory
from textenvs.messages import Stop

MEMBERS = 2
"""Episodes on the same item, so that a shared prefill is examined too."""

NOT_FINITE = "its probabilities are not finite: use dtype='float32', and look whether the weights are"
"""What to do about a model that says nothing."""


def examine(
    policy: CausalLMPolicy,
    env_id: str,
    env_kwargs: Mapping[str, Any],
    *,
    episodes: int = 16,
    max_new_tokens: int = 32,
    seed: int = 0,
) -> list[Finding]:
    """Check that this policy, in this environment, would be trained on what it really said.

    Args:
        policy: to examine; it is not changed.
        env_id: of a registered environment.
        env_kwargs: its settings.
        episodes: to play; half as many items, two episodes each.
        max_new_tokens: longest turn, in tokens.
        seed: of the items and the sampling.

    Returns:
        Every check's finding, the sound ones too.
    """
    play = functools.partial(_play, policy, env_id, env_kwargs, episodes, max_new_tokens, seed)
    trajectories = play()
    return [
        *check_world(env_id, env_kwargs, max(1, episodes // MEMBERS)),
        *_episodes(trajectories),
        _repeats(trajectories, play()),
        *check_rendering(policy.chat, trajectories),
        *check_sampler(policy, trajectories),
    ]


def _play(
    policy: CausalLMPolicy, env_id: str, env_kwargs: Mapping[str, Any], episodes: int, max_new_tokens: int, seed: int
) -> list[Trajectory]:
    make = functools.partial(gym.make, env_id, disable_env_checker=True, **env_kwargs)
    # A temperature other than 1 shows whether sampler and trainer both divide by it.
    params = SamplingParams(temperature=0.7, max_new_tokens=max_new_tokens, seed=seed)
    requests = [
        EpisodeRequest(group_id=place // MEMBERS, member=place % MEMBERS, seed=seed + place // MEMBERS)
        for place in range(episodes)
    ]
    collector = Collector(policy, make, params)
    try:
        return collector.collect(requests)
    finally:
        collector.close()


def _episodes(trajectories: Sequence[Trajectory]) -> list[Finding]:
    """Say how the episodes ended and whether their rewards could be computed."""
    broken, mute = (sum(one.stop == stop for one in trajectories) for stop in (Stop.ERROR, Stop.GENERATION_FAILED))
    turns = [turn for trajectory in trajectories for turn in trajectory.turns]
    unscored, cut = sum(not turn.valid for turn in turns), sum(turn.finish_reason == "length" for turn in turns)
    return [
        _count("episodes that the environment broke off", broken, len(trajectories), "see the log", Verdict.FAULT),
        _count("episodes that the model broke off", mute, len(trajectories), NOT_FINITE, Verdict.FAULT),
        _count("turns without a reward", unscored, len(turns), "they train nothing: see the reward", Verdict.WARNING),
        _count("turns cut by the token limit", cut, len(turns), "raise max_new_tokens, or warm up", Verdict.WARNING),
    ]


def _count(check: str, count: int, total: int, remedy: str, verdict: Verdict) -> Finding:
    return Finding(check, verdict if count else Verdict.OK, f"{count} of {total}", remedy if count else "")


def _repeats(first: Sequence[Trajectory], second: Sequence[Trajectory]) -> Finding:
    different = sum(not _equal(one, other) for one, other in zip(first, second, strict=True))
    figure, check = f"{different} of {len(first)} differ", "the same rollout again"
    if different:
        return Finding(check, Verdict.FAULT, figure, "runs cannot be repeated or resumed exactly on this device")
    return Finding(check, Verdict.OK, figure)


def _equal(one: Trajectory, other: Trajectory) -> bool:
    pairs = zip(one.segments, other.segments, strict=False)
    same = all(np.array_equal(a.token_ids, b.token_ids) for a, b in pairs)
    return same and len(one.segments) == len(other.segments)
