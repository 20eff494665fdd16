"""What the tests of the generated world share: environments of one kind of task, and episodes played."""

from __future__ import annotations

import json
from typing import Any

from textenvs.core import TextEnv
from textenvs.envs.toolcall.env import ToolCall
from textenvs.envs.toolcall.episode import ToolEpisode
from textenvs.envs.toolcall.types import Expectation
from textenvs.envs.toolcall.world.dials import SILENT, Dials
from textenvs.envs.toolcall.world.world import Item


def only(kind: str, **settings: Any) -> ToolCall:
    """An environment in which every episode is one task of this kind."""
    silent = float(kind in SILENT)
    dials = {"requests": (1, 1), "rules": 0.0, **settings.pop("dials", {})}
    return ToolCall(difficulty=Dials(kinds=(kind,), silent=silent, **dials), **settings)


def episode_of(env: TextEnv) -> ToolEpisode:
    episode: Any = env._episode
    return episode


def item_of(env: TextEnv) -> Item:
    bench: Any = episode_of(env)._bench
    return bench._item


def expectations(env: TextEnv) -> list[Expectation]:
    return [task.expectation for task in episode_of(env).tasks]


def call(name: str, **arguments: Any) -> str:
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"


def play(env: TextEnv, index: int, *actions: str) -> list[Any]:
    """Play these actions, and the oracle's afterwards; return the steps."""
    env.reset(options={"index": index})
    steps: list[Any] = []
    while not steps or not steps[-1][2]:
        steps.append(env.step(actions[len(steps)] if len(steps) < len(actions) else env.oracle_action()))
    return steps


def outcome(steps: list[Any]) -> tuple[float, str, float]:
    """Success, why it ended, and the sum of the rewards."""
    return steps[-1][4]["success"], steps[-1][4]["stop"], round(sum(step[1] for step in steps), 9)
