"""Environment steps per second on one core: the families' own rewards, and a constant one."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import gymnasium as gym

import textenvs  # noqa: F401 (registers the ids)
from textenvs import Turn

ENV_ID = "MultiTurnRewrite-v0"
EPISODES = 2000
BLOCK = 100
REPEATS = 5


class Play(NamedTuple):
    """What is played, and how.

    Attributes:
        env_id: of the environment.
        settings: of it.
        copied: every how many answers one is a copy; 0 for none.
        episodes: how many.
    """

    env_id: str
    settings: Mapping[str, Any]
    copied: int = 4
    episodes: int = EPISODES


PLAYS: Mapping[str, Play] = {
    "tiny": Play(ENV_ID, {"difficulty": "tiny"}),
    "medium": Play(ENV_ID, {"difficulty": "medium"}),
    "medium.right": Play(ENV_ID, {"difficulty": "medium"}, copied=0),
    "DialogueStrategy-v0": Play("DialogueStrategy-v0", {}, episodes=300),
    "ToolCall-v0": Play("ToolCall-v0", {}, episodes=300),
}


def constant(turn: Turn) -> float:
    """A reward that costs nothing."""
    return 1.0


def scripts(
    episodes: int = EPISODES, env_id: str = ENV_ID, copied: int = 4, **settings: Any
) -> list[tuple[int, list[str]]]:
    """Items with what is said in them: the oracle's answers, and now and then a copy of the prompt."""
    env = gym.make(env_id, disable_env_checker=True, **settings).unwrapped
    table: list[tuple[int, list[str]]] = []
    for index in range(episodes):
        observation, _ = env.reset(options={"index": index})
        actions: list[str] = []
        ended = False
        while not ended:
            right = env.oracle_action()  # type: ignore[attr-defined]
            copies = copied > 0 and (index + len(actions)) % copied == 0
            actions.append(observation["history"][-1]["content"] if copies else right)
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
    """Return the best of some repeats: other work only ever slows."""
    figures: dict[str, Any] = {}
    for play, (env_id, settings, copied, episodes) in PLAYS.items():
        table = scripts(episodes, env_id, copied, **settings)
        for name, reward in (("own", None), ("constant", constant)):
            make = partial(gym.make, env_id, disable_env_checker=True, reward=reward, **settings)
            runs = [steps_per_second(make, table) for _ in range(REPEATS)]
            figures[f"{play}.{name}.step"] = round(max(run[0] for run in runs))
            figures[f"{play}.{name}.step_and_reset"] = round(max(run[1] for run in runs))
    return figures
