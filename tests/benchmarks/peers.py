"""Environment steps per second beside other people's text environments, in one process and one run.

Each is played by its own interface with a fixed script; what is said follows from a first, untimed run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import gem
import gem.envs
import gymnasium as gym
import reasoning_gym
import textarena

from tests.benchmarks.environment import ENV_ID, constant, scripts, steps_per_second

EPISODES = 200
LIMIT = 20
"""Most steps of one game."""
REPEATS = 5


class Played(Protocol):
    """What is timed."""

    def reset(self, *, options: Mapping[str, int]) -> Any:
        """Begin the episode ``options["index"]``."""

    def step(self, action: str) -> Any:
        """Play an action; the third of what is returned says whether the episode has ended."""


class Nothing(gym.Env[str, str]):
    """A bare Gymnasium environment that does nothing: what the interface costs."""

    def reset(self, *, seed: int | None = None, options: Mapping[str, int] | None = None) -> tuple[str, dict[str, Any]]:
        return "", {}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        return "", 0.0, False, False, {}


class Gem:
    """A game of GEM."""

    def __init__(self, game: str) -> None:
        self._env = gem.make(game)

    def reset(self, *, options: Mapping[str, int]) -> Any:
        return self._env.reset(seed=options["index"])

    def step(self, action: str) -> Any:
        return self._env.step(action)


class Arena:
    """A game of TextArena for one player."""

    def __init__(self, game: str) -> None:
        self._env = textarena.make(game)

    def reset(self, *, options: Mapping[str, int]) -> Any:
        self._env.reset(num_players=1, seed=options["index"])
        return self._env.get_observation()

    def step(self, action: str) -> Any:
        ended, info = self._env.step(action)
        return self._env.get_observation(), 0.0, ended, False, info


class Reasoning:
    """A task of reasoning-gym: one answer is one step, and its item is the reset."""

    def __init__(self, task: str) -> None:
        self._data = reasoning_gym.create_dataset(task, size=EPISODES, seed=0)
        self._item: Mapping[str, Any] = {}

    def reset(self, *, options: Mapping[str, int]) -> Any:
        self._item = self._data[options["index"]]
        return self._item["question"]

    def step(self, action: str) -> Any:
        return "", self._data.score_answer(action, self._item), True, False, {}


PEERS: Mapping[str, tuple[Callable[[], Played], str]] = {
    "Gymnasium: does nothing": (Nothing, ""),
    "GEM: GuessTheNumber": (partial(Gem, "game:GuessTheNumber-v0-easy"), r"\boxed{1}"),
    "GEM: Mastermind": (partial(Gem, "game:Mastermind-v0-easy"), r"\boxed{12}"),
    "TextArena: GuessTheNumber": (partial(Arena, "GuessTheNumber-v0-raw"), "[1]"),
    "TextArena: TowerOfHanoi": (partial(Arena, "TowerOfHanoi-v0-raw"), "[A B]"),
    "reasoning-gym: leg_counting": (partial(Reasoning, "leg_counting"), "8"),
    "reasoning-gym: countdown": (partial(Reasoning, "countdown"), "1 + 1"),
}
"""How each is made, and what is said in it."""


def script(make: Callable[[], Played], said: str) -> list[tuple[int, list[str]]]:
    """Return episodes with as many actions as each takes."""
    env = make()
    table: list[tuple[int, list[str]]] = []
    for index in range(EPISODES):
        env.reset(options={"index": index})
        steps = next((step for step in range(1, LIMIT + 1) if _ended(env.step(said))), LIMIT)
        table.append((index, [said] * steps))
    return table


def _ended(result: Any) -> bool:
    return bool(result[2] or result[3])


def measure() -> Mapping[str, Any]:
    """Return, of each, the most steps per second of some runs that take turns: of steps alone, and with resets."""
    contenders = {name: (make, script(make, said)) for name, (make, said) in PEERS.items()}
    ours = scripts(EPISODES, difficulty="medium")
    for name, reward in (("four-part reward", None), ("constant reward", constant)):
        make = partial(gym.make, ENV_ID, disable_env_checker=True, difficulty="medium", reward=reward)
        contenders[f"{ENV_ID}, {name}"] = make, ours
    best = dict.fromkeys(contenders, (0.0, 0.0))
    for _ in range(REPEATS):
        for name, (make, table) in contenders.items():
            alone, both = steps_per_second(make, table)
            best[name] = max(best[name][0], alone), max(best[name][1], both)
    return {name: [round(rate) for rate in rates] for name, rates in best.items()}
