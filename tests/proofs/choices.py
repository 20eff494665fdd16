"""stable-baselines3, untouched, learns the strategy of small dialogues by choosing among named moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.env_util import make_vec_env

import textenvs  # noqa: F401 (registers the ids)
from tests.cells import Cell, run_cell
from textenvs.wrappers import Choices

EPISODES = 300
ENVS = 8
ID = "DialogueStrategy-v0"

SETTINGS: Mapping[str, tuple[Any, int, dict[str, Any]]] = {
    "ppo": (PPO, 200_000, {"n_steps": 256, "batch_size": 256}),
    "a2c": (A2C, 250_000, {"ent_coef": 0.01, "n_steps": 16, "learning_rate": 1e-3}),
    "dqn": (DQN, 50_000, {"exploration_fraction": 0.3, "target_update_interval": 1_000, "learning_rate": 1e-3}),
}
"""Algorithm, steps and what differs from its defaults."""


def make(split: str) -> Choices:
    """Return the small world of a split, to be played by choosing; everything is paid at the end."""
    return Choices(gym.make(ID, difficulty="small", split=split, disable_env_checker=True))


def play(act: Callable[[Any, Choices], Any], split: str) -> float:
    """Return the mean return of a policy over the first items of a split."""
    env = make(split)
    returns: list[float] = []
    for index in range(EPISODES):
        seen, _ = env.reset(options={"index": index})
        total, ended = 0.0, False
        while not ended:
            seen, reward, ended, _, _ = env.step(act(seen, env))
            total += reward
        returns.append(total)
    return fmean(returns)


def optimum(split: str) -> float:
    """Return the mean optimal value of the same items, each after its first request."""
    env: Any = make(split).unwrapped
    values: list[float] = []
    for index in range(EPISODES):
        episode = env.make_episode(index)
        values.append(episode.exact.value(episode.belief, episode.turns))
    return fmean(values)


def measure(algorithm: str, seed: int) -> Mapping[str, Any]:
    """Train on the users of the training bank; measure there and on the users and wordings held out."""
    make_model, steps, settings = SETTINGS[algorithm]
    chance = np.random.default_rng(seed)
    began, spent = time.perf_counter(), time.process_time()
    model = make_model("MlpPolicy", make_vec_env(lambda: make("train"), ENVS), seed=seed, device="cpu", **settings)
    model.learn(steps)
    figures: dict[str, Any] = {
        "steps": steps,
        "seconds": round(time.perf_counter() - began, 1),
        "processor_seconds": round(time.process_time() - spent, 1),
    }
    for split in ("train", "test"):
        figures[f"{split}.random"] = round(play(lambda _, env: chance.integers(env.action_space.n), split), 4)
        figures[f"{split}.learned"] = round(play(lambda seen, _: model.predict(seen, deterministic=True)[0], split), 4)
        figures[f"{split}.optimum"] = round(optimum(split), 4)
    return figures


@dataclass(frozen=True)
class ChoiceProof:
    """One algorithm of stable-baselines3, over several seeds.

    Attributes:
        algorithm: one of `SETTINGS`.
        seeds: to run.
        needs: nothing.
    """

    algorithm: str
    seeds: tuple[int, ...] = (0, 1, 2)
    needs: None = None

    @property
    def name(self) -> str:
        """Of the cells."""
        return f"choices-{self.algorithm}"

    def run(self, seed: int, *, again: bool = False) -> Cell:
        """Run one cell, or return the stored one."""
        return run_cell(self.name, seed, "make proof", lambda: measure(self.algorithm, seed), again=again)


CHOICES = tuple(ChoiceProof(algorithm) for algorithm in SETTINGS)
