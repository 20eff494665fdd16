"""Environment steps per second on one core: the full four-part reward, and a constant one."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gymnasium as gym

import textenvs  # noqa: F401 (registers the ids)
from textenvs import Turn

ENV_ID = "MultiTurnRewrite-v0"
EPISODES = 2000
BLOCK = 100
REPEATS = 5


def constant(turn: Turn) -> float:
    """A reward that costs nothing."""
    return 1.0


def scripts(episodes: int = EPISODES, **settings: Any) -> list[tuple[int, list[str]]]:
    """Items with what is said in them: the oracle's answer and a copy of the prompt in turn."""
    env = gym.make(ENV_ID, disable_env_checker=True, **settings).unwrapped
    table: list[tuple[int, list[str]]] = []
    for index in range(episodes):
        observation, _ = env.reset(options={"index": index})
        actions: list[str] = []
        ended = False
        while not ended:
            right = env.oracle_action()  # type: ignore[attr-defined]
            actions.append(right if (index + len(actions)) % 4 else observation["history"][-1]["content"])
            observation, _, ended, _, _ = env.step(actions[-1])
        table.append((index, actions))
    return table


def steps_per_second(make: Callable[[], gym.Env[Any, str]], table: list[tuple[int, list[str]]]) -> tuple[float, float]:
    """Return steps per second of `step` alone, and with every `reset` (and item) in the time.

    It is the processor's time, so that other work on the core counts for less (it still takes from the caches). Asking
    for it can cost more than a step does, so a block of environments is reset, and then played, between two readings.
    """
    environments = [make() for _ in range(BLOCK)]
    resetting, stepping, steps = 0.0, 0.0, 0
    for begin in range(0, len(table), BLOCK):
        playing = list(zip(environments, table[begin : begin + BLOCK], strict=False))
        start = time.process_time()
        for env, (index, _) in playing:
            env.reset(options={"index": index})
        gc.collect(0)  # what the resets left to Python's collector is theirs
        between = time.process_time()
        for env, (_, actions) in playing:
            for action in actions:
                env.step(action)
        resetting, stepping = resetting + between - start, stepping + time.process_time() - between
        steps += sum(len(actions) for _, (_, actions) in playing)
    return steps / stepping, steps / (stepping + resetting)


def measure() -> Mapping[str, Any]:
    """Return the best of some repeats (other work only ever slows), for the default and the smallest difficulty."""
    figures: dict[str, Any] = {}
    for difficulty in ("tiny", "medium"):
        table = scripts(difficulty=difficulty)
        for name, reward in (("four_parts", None), ("constant", constant)):
            make = partial(gym.make, ENV_ID, disable_env_checker=True, difficulty=difficulty, reward=reward)
            runs = [steps_per_second(make, table) for _ in range(REPEATS)]
            figures[f"{difficulty}.{name}.step"] = round(max(run[0] for run in runs))
            figures[f"{difficulty}.{name}.step_and_reset"] = round(max(run[1] for run in runs))
    return figures
