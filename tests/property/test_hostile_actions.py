"""Ten thousand hostile actions over every id: no exception, no slow step, no reward out of range."""

from __future__ import annotations

import gc
import json
import math
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

import textenvs
from envs_registry import CATALOG
from tests.property.hostile import Hostile
from tests.textenvs.envs.toolcall.shop import Cart, broken, weather
from textenvs.envs.toolcall.env import ToolCall
from textenvs.messages import Stop
from textenvs.tools import CALL_FORMATS

ACTIONS = 10_000
SLOWEST_S = 1.0

OWN = [f"own tools, {name}" for name in CALL_FORMATS]
WORLDS = [*(entry.id for entry in CATALOG), *OWN]


@pytest.fixture(autouse=True, scope="module")
def only_its_own_garbage() -> Iterator[None]:
    """Spare the steps that are timed the collection of what other tests have left, which takes seconds."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def made(world: str, folder: Path) -> textenvs.TextEnv:
    """Return an environment of the catalogue, or one over tools of one's own."""
    if world not in OWN:
        env = gym.make(world, reward_timing="turn").unwrapped
        assert isinstance(env, textenvs.TextEnv)
        return env
    row: Mapping[str, Any] = {
        "messages": [{"role": "user", "content": "How warm is Rome?"}],
        "calls": [{"name": "weather", "arguments": {"city": "Rome"}}],
        "facts": ["12 degrees"],
        "split": "train",
    }
    path = folder / "my.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    return ToolCall(tools=[weather, broken, Cart], tasks=path, call_format=world.rpartition(" ")[2])


@pytest.mark.parametrize("world", WORLDS)
def test_hostile_actions(world: str, tmp_path: Path) -> None:
    env, draw = made(world, tmp_path), random.Random(world)  # noqa: S311 (no secret)
    form = CALL_FORMATS[world.rpartition(" ")[2] if world in OWN else "hermes"]
    hostile, (low, high) = Hostile(form, draw), env.reward_range
    observation, ended, slowest = env.reset(seed=4)[0], False, (0.0, "")
    for _ in range(math.ceil(ACTIONS / len(WORLDS))):
        if ended:
            observation, _ = env.reset()
        action = hostile.action(observation["tools"])
        started = time.process_time()
        observation, reward, ended, truncated, info = env.step(action)
        slowest = max(slowest, (time.process_time() - started, action[:200]))
        assert low <= reward <= high, action[:200]
        assert (truncated, info["reward_valid"]) == (False, 1.0), action[:200]
        assert info["stop"] in set(Stop) - {Stop.ERROR}, action[:200]
        assert env.observation_space.contains(observation)
    assert slowest[0] < SLOWEST_S, slowest
