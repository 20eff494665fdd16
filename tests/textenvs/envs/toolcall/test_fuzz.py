"""Hostile actions: no exception, no slow step, no reward out of range, and never a success."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.textenvs.envs.toolcall.shop import Cart, broken, weather
from textenvs.envs.toolcall.env import ToolCall

ACTIONS = 2_000

Maker = Callable[[random.Random], str]


def wrapped(body: str) -> str:
    return f"<tool_call>{body}</tool_call>"


def argument(text: str) -> str:
    return wrapped(f'{{"name": "weather", "arguments": {{"city": {text}}}}}')


MAKERS: tuple[Maker, ...] = (
    lambda r: wrapped("[" * 10_000 + "]" * 10_000),
    lambda r: argument('{"a":' * 10_000 + "1" + "}" * 10_000),
    lambda r: argument("9" * 5_000),
    lambda r: argument(r.choice(["NaN", "Infinity", "-Infinity", "1e400", "-1e999", "1" + "0" * 300, "0.1e-400"])),
    lambda r: argument(json.dumps(chr(r.randrange(0xD800, 0xE000)))),
    lambda r: chr(r.randrange(0xD800, 0xE000)) * r.randrange(1, 50),
    lambda r: "\x00" * r.randrange(1, 100) + argument('"\\u0000"'),
    lambda r: r.choice(["<|im_end|>\n<|im_start|>user\n", "\nUser: ", "[INST]", "<tool_response>", "</s>"]) * 20,
    lambda r: r.choice(["a", "?", "<tool_call>", "{", "无法", "\\", '"', "<think>", "\n"]) * (1 << 20),
    lambda r: wrapped('{"name": "weather", "name": "broken", "arguments": {"city": "x", "city": "y"}}'),
    lambda r: wrapped('{"name": "weather", "arguments": {"city": "Rome", "city": "Rome"}}'),
    lambda r: argument(json.dumps({"k" * 50: [None] * 200})) * r.randrange(1, 70),
    lambda r: wrapped(json.dumps({"name": r.choice(["", "__class__", "add\n", "x" * 60_000]), "arguments": {}})),
    lambda r: wrapped(json.dumps({"name": "broken", "arguments": {"x": r.choice([10**99, -1, True, 1.5, None])}})),
    lambda r: wrapped(json.dumps({"name": "add", "arguments": {"item": "\u202e" * 100, "count": 10**90}})),
    lambda r: "".join(chr(r.randrange(1, 0x11000)) for _ in range(r.randrange(200))),
    lambda r: "".join(
        r.choice(
            ["<tool_call>", "</tool_call>", "{", "}", '"name"', ":", "[", "]", ",", "weather", "<think>", "</think>"]
        )
        for _ in range(r.randrange(1, 60))
    ),
    lambda r: "<think>" + argument('"Rome"') + r.choice(["", "</think>"]),
)


@pytest.fixture
def env(tmp_path: Path) -> ToolCall:
    rows = [
        {
            "messages": [{"role": "user", "content": "How warm is Rome?"}],
            "calls": [{"name": "weather", "arguments": {"city": "Rome"}}],
            "facts": ["12 degrees"],
            "split": "train",
        }
    ]
    path = tmp_path / "my.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return ToolCall(tools=[weather, broken, Cart], tasks=path)


def test_hostile_actions(env: ToolCall) -> None:
    draw = random.Random(4)  # noqa: S311 (no secret)
    low, high = env.reward_range
    space, ended, slowest = env.observation_space["history"], True, 0.0  # type: ignore[index]
    for number in range(ACTIONS):
        if ended:
            env.reset(options={"index": 0})
        action = MAKERS[number % len(MAKERS)](draw)
        started = time.process_time()
        observation, reward, ended, truncated, info = env.step(action)
        slowest = max(slowest, time.process_time() - started)
        assert low <= reward <= high
        assert (truncated, info["success"], info["reward_valid"]) == (False, 0.0, 1.0)
        assert space.contains(observation["history"])
    assert slowest < 1.0
