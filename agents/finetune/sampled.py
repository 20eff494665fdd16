"""Preference pairs of a policy's own answers: what it said in several tries at one item, as the environment paid it.

An environment's graded answers (`agents.finetune.graded`) teach what a policy may never say; its own are what it does
say. The tries at an item are the same up to a turn at which they part. What was said there makes a pair, and what the
environment paid from there on says which is better. (Song et al. 2024, "Trial and Error: Exploration-Based Trajectory
Optimization for LLM Agents", section 3.2, with every try a possible success or failure.)
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import gymnasium as gym

from agents.finetune.preferences import Messages, PreferencePair
from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.collector import Collector, EpisodeRequest
from agents.rollout.sampling import SamplingParams
from agents.trajectory import Trajectory, action_places
from textenvs.core import TextEnv
from textenvs.errors import ConfigError
from textenvs.messages import MESSAGE_KEYS, Message

ROUND = 64
"""Items that are played together."""


class Said(NamedTuple):
    """An answer, and what came of it.

    Attributes:
        conversation: before it; an instruction is a system message.
        text: the answer.
        worth: what the environment paid: for this turn where turns stand alone, else from this turn on.
    """

    conversation: Messages
    text: str
    worth: float


def sampled_pairs(
    policy: CausalLMPolicy,
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    n: int = 1000,
    *,
    members: int = 8,
    least: float = 0.1,
    params: SamplingParams | None = None,
    seed: int = 0,
) -> list[PreferencePair]:
    """Have a policy try items of an environment several times, and return pairs of what it said.

    Args:
        policy: plays; it is left as it is.
        env_id: of a registered environment, whose reward decides.
        env_kwargs: for `gymnasium.make`.
        n: how many pairs; fewer come back where `n` items have not given as many.
        members: tries at an item.
        least: the smallest difference in worth that makes a pair.
        params: the sampler; None takes the defaults.
        seed: of the items.

    Raises:
        ConfigError: if the environment is no `TextEnv`, a number is out of range, or there was no pair at all.
    """
    if n < 1 or members < 2 or not least > 0:
        raise ConfigError(f"n={n}: at least 1; members={members}: at least 2; least={least}: above 0")
    make = functools.partial(gym.make, env_id, disable_env_checker=True, **dict(env_kwargs or {}))
    env = make().unwrapped
    if not isinstance(env, TextEnv):
        raise ConfigError(f"{env_id} does not name its items: tries at one need an environment built on TextEnv")
    env.reset(seed=seed)
    collector, pairs, played = Collector(policy, make, params or SamplingParams()), list[PreferencePair](), 0
    try:
        while len(pairs) < n and played < n:
            items = [env.draw_index() for _ in range(min(ROUND, n - played))]
            played += len(items)
            for index, tries in zip(items, _play(collector, items, members), strict=True):
                pairs += _pairs(env, index, tries, least)
    finally:
        collector.close()
    if not pairs:
        raise ConfigError(
            f"{played} items have given no pair: all {members} tries at an item were worth the same to within {least}"
        )
    return pairs[:n]


def _play(collector: Collector, items: Sequence[int], members: int) -> list[list[Trajectory]]:
    """Return the tries at every item."""
    tries = [
        EpisodeRequest(place, member, index=index) for place, index in enumerate(items) for member in range(members)
    ]
    played = collector.collect(tries)
    return [played[first : first + members] for first in range(0, len(played), members)]


def _pairs(env: TextEnv, index: int, tries: Sequence[Trajectory], least: float) -> Iterator[PreferencePair]:
    """Yield the best and the worst answer to every conversation in which the tries at an item part."""
    observation, info = env.reset(options={"index": index})
    found: defaultdict[Messages, defaultdict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in tries:
        for said in answers_of(one, env.turns_stand_alone):
            found[said.conversation][said.text].append(said.worth)
    for conversation, answers in found.items():
        worth = {text: math.fsum(values) / len(values) for text, values in answers.items()}
        better, worse = max(worth, key=worth.__getitem__), min(worth, key=worth.__getitem__)
        if (margin := worth[better] - worth[worse]) >= least:
            origin = f"{info['task_id']}#{len(conversation)}"
            yield PreferencePair(conversation, better, worse, round(margin, 6), observation["tools"], origin)


def answers_of(episode: Trajectory, turns_stand_alone: bool) -> Iterator[Said]:
    """Yield what was said in an episode, and what came of it; what could not be scored, or broke off, says nothing.

    Args:
        episode: as it was collected.
        turns_stand_alone: whether a turn is worth what it is paid, whatever comes after it.
    """
    if episode.failed:
        return
    messages = tuple(Message(**{key: one.get(key, "") for key in MESSAGE_KEYS}) for one in episode.messages)
    for number, place in enumerate(action_places(episode.messages, len(episode.turns))):
        turns = episode.turns[number : number + 1 if turns_stand_alone else None]
        if all(turn.valid for turn in turns):
            yield Said(messages[:place], messages[place].content, math.fsum(turn.reward for turn in turns))
