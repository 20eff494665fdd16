"""What policies that know nothing succeed at in `ToolCall-v0`, beside how often their one move is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from textenvs.core import Baseline
from textenvs.envs.toolcall.env import ToolCall
from textenvs.envs.toolcall.types import Expectation
from textenvs.envs.toolcall.world.dials import LEVELS
from textenvs.seeding import SPLITS, Split

MOVES: Mapping[str, str] = {
    "do_nothing": "answer",
    "always_ask": "ask",
    "first_tool": "call",
    "call_everything": "",
    "echo": "answer",
}
"""What each policy decides, whatever it is asked; no task's right move is to call everything."""

ITEMS = 300


@dataclass(frozen=True)
class Trial:
    """Episodes of one level and split, in both languages.

    Attributes:
        items: how many there were.
        needing: how many of them need a call.
        right: how many want nothing but a policy's move, by policy.
        succeeded: how many it succeeded at.
        needed: how many of these need a call.
    """

    items: int
    needing: int = 0
    right: dict[str, int] = field(default_factory=dict[str, int])
    succeeded: dict[str, int] = field(default_factory=dict[str, int])
    needed: dict[str, int] = field(default_factory=dict[str, int])


def attempt(level: str, split: Split, items: int) -> Trial:
    """Let every policy play the same episodes."""
    env = ToolCall(difficulty=level, split=split)
    golds = [_golds(env, index) for index in range(items)]
    needing = [any(one.calls for one in gold) for gold in golds]
    trial = Trial(items, sum(needing))
    for name, move in MOVES.items():
        trial.right[name] = sum(all(move in one.decisions for one in gold) for gold in golds)
        won = [_succeeds(env, index, env.baselines()[name]) for index in range(items)]
        trial.succeeded[name] = sum(won)
        trial.needed[name] = sum(one and needs for one, needs in zip(won, needing, strict=True))
    return trial


def _golds(env: ToolCall, index: int) -> list[Expectation]:
    env.reset(options={"index": index})
    episode: Any = env._current()  # pyright: ignore[reportPrivateUsage]
    return [task.expectation for task in episode.tasks]


def _succeeds(env: ToolCall, index: int, act: Baseline) -> bool:
    observation, _ = env.reset(options={"index": index})
    ended, success = False, 0.0
    while not ended:
        observation, _, ended, _, info = env.step(act(observation))
        success = info["success"]
    return success == 1.0


def measure() -> Mapping[str, Any]:
    """Return the trial of every level and split."""
    return {f"{level}.{split}": asdict(attempt(level, split, ITEMS)) for level in LEVELS for split in SPLITS}
