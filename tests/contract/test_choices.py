"""Every id can be played by choosing: `Choices` makes it `Discrete(k)` with numbers, and classic learners play that."""

from __future__ import annotations

import pickle
import re
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.env_checker import check_env as check_for_stable_baselines

import textenvs  # noqa: F401 (registers the ids)
from agents import evaluate
from agents.sb3.agent import SB3Agent
from envs_registry.catalog import CATALOG, COMPOSED, GUESTS
from textenvs.wrappers import Choices

IDS = [entry.id for entry in (*CATALOG, *COMPOSED)]
OPEN = {entry.id for entry in GUESTS}
"""Other people's tasks are made elsewhere, and any text can be the answer: there is no list of moves to choose from."""


def make(env_id: str, **settings: Any) -> Choices:
    return Choices(gym.make(env_id, disable_env_checker=True, **settings))


def play(env: Choices, indices: range, seed: int) -> list[Any]:
    chance = np.random.default_rng(seed)
    steps: list[Any] = []
    for index in indices:
        steps.append(env.reset(options={"index": index})[0].tolist())
        ended = False
        while not ended:
            seen, reward, ended, _, _ = env.step(int(chance.integers(env.action_space.n)))  # type: ignore[attr-defined]
            assert env.observation_space.contains(seen)
            steps.append((seen.tolist(), reward, ended))
    return steps


def test_every_registered_id_has_choices_or_is_open() -> None:
    ours = {
        env_id
        for env_id, spec in gym.registry.items()
        if re.match(r"textenvs\.(envs|adapters)\.", str(spec.entry_point))
    }
    assert ours == {*IDS, *OPEN}


@pytest.mark.parametrize("env_id", IDS)
def test_passes_the_checkers_of_those_who_play_it(env_id: str) -> None:
    env = make(env_id)
    check_for_stable_baselines(env)
    assert len(set(env.menu.moves)) == len(env.menu.moves)
    assert len(set(env.menu.features)) == len(env.menu.features)


@pytest.mark.parametrize("env_id", IDS)
def test_equal_choices_lead_to_equal_numbers(env_id: str) -> None:
    assert play(make(env_id), range(8), seed=0) == play(make(env_id), range(8), seed=0)


@pytest.mark.parametrize("env_id", IDS)
def test_it_can_be_pickled_and_made_from_its_spec(env_id: str) -> None:
    env = make(env_id)
    assert env.spec is not None
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    for copy in (again, pickle.loads(pickle.dumps(env))):  # noqa: S301
        seen, _ = copy.reset(options={"index": 5})
        np.testing.assert_array_equal(seen, env.reset(options={"index": 5})[0])
        assert copy.step(0)[1:4] == env.step(0)[1:4]


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("algorithm", [PPO, A2C, DQN])
def test_classic_learners_play_it_and_come_back_as_policies(algorithm: Any, env_id: str) -> None:
    env = make(env_id)
    settings: dict[str, Any] = {"learning_starts": 8} if algorithm is DQN else {"n_steps": 16}
    if algorithm is PPO:
        settings["batch_size"] = 16
    model = algorithm("MlpPolicy", env, seed=0, device="cpu", **settings).learn(32)
    played = evaluate(SB3Agent(model), env_id, episodes=2).episodes
    view = make(env_id, split="test")
    for index, episode in enumerate(played):
        seen, _ = view.reset(options={"index": index})
        assert episode.actions[0] == view.menu.say(int(model.predict(seen, deterministic=True)[0]))
