"""Rescoring: what stored conversations are worth under another reward, without the model that wrote them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym

from agents.evaluation.results import EpisodeScore, EvaluationResult
from agents.rollout.recording import turn_record
from agents.trajectory import TurnRecord
from envs_registry.suites import Slice


@dataclass(frozen=True)
class Rescored:
    """Episodes with the rewards that their environment gives them now.

    Attributes:
        result: the episodes that replay, in order.
        strayed: the others: the world answered their actions differently than it had.
    """

    result: EvaluationResult
    strayed: tuple[EpisodeScore, ...]


def rescore(result: EvaluationResult, slices: Sequence[Slice], env_kwargs: Mapping[str, Any] | None = None) -> Rescored:
    """Replay every episode's actions and take the rewards anew.

    The world does not depend on the reward, so that the same actions meet the same conversation. Where they do not,
    the environment is not the one that was played, and the episode is left out.

    Args:
        result: an evaluation.
        slices: what it was played on; an episode belongs to the slice of its group.
        env_kwargs: settings that go before the slices' own, such as ``{"reward": ...}``.

    Raises:
        KeyError: if an episode's group is no slice.
    """
    worlds = {one.name: one.make(**(env_kwargs or {})) for one in slices}
    kept: list[EpisodeScore] = []
    strayed: list[EpisodeScore] = []
    for episode in result.episodes:
        again = _replay(worlds[episode.group], episode)
        if again is None:
            strayed.append(episode)
        else:
            kept.append(again)
    return Rescored(EvaluationResult(tuple(kept)), tuple(strayed))


def _replay(env: gym.Env[Any, Any], episode: EpisodeScore) -> EpisodeScore | None:
    """Return the episode with new rewards, or None where the world says something else than it did."""
    observation, _ = env.reset(options={"index": episode.index})
    turns: list[TurnRecord] = []
    ended = False
    for before, action in zip(episode.turns, episode.actions, strict=True):
        if ended:
            return None
        observation, reward, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
        turns.append(turn_record(float(reward), info, before.temperature, before.finish_reason))
    # What was collected from a model begins with the instruction, and may hold an action that nobody answered.
    instruction = {"role": "system", "content": observation["instruction"]}
    said = [dict(message) for message in episode.messages if dict(message) != instruction]
    if said[: len(observation["history"])] != [dict(message) for message in observation["history"]]:
        return None
    valid = all(turn.valid for turn in turns)
    value = math.fsum(turn.reward for turn in turns) if valid else math.nan
    return replace(episode, turns=tuple(turns), episode_return=value)
