"""Choices: a text environment for learners that know nothing of text."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_checker import check_env

from tests.toy import EchoEnv
from textenvs.envs.dialogue.dials import Dials
from textenvs.errors import ConfigError
from textenvs.wrappers import Choices

TOY = Dials(slots=2, values=3, candidates=3, turns=6, goals=1, shelves=1, exact=True)


def make(**settings: Any) -> Choices:
    settings = {"difficulty": TOY, "reward_timing": "turn"} | settings
    return Choices(gym.make("DialogueStrategy-v0", disable_env_checker=True, **settings))


def test_passes_check_env() -> None:
    check_env(make(difficulty="small"))


def test_every_move_is_understood_as_itself_and_every_number_lies_in_its_range() -> None:
    env, generator = make(difficulty="full"), np.random.default_rng(0)
    for index in range(40):
        seen, _ = env.reset(options={"index": index})
        ended = False
        while not ended:
            move = int(generator.integers(env.action_space.n))  # type: ignore[attr-defined]
            seen, _, ended, _, _ = env.step(move)
            assert env.observation_space.contains(seen)
            named = dict(zip(env.menu.features, seen, strict=True))
            assert [n for n in env.menu.moves if named[f"last_{n}"]] == [env.menu.moves[move]]


def test_the_numbers_show_nothing_that_has_not_been_said() -> None:
    # Whatever the hidden goal is, equal conversations give equal numbers.
    seen: dict[str, np.ndarray] = {}
    shared = 0
    for index in range(400):
        env = make(language="en")
        numbers, _ = env.reset(options={"index": index})
        episode: Any = env.unwrapped._current()  # type: ignore[attr-defined]
        told = repr((episode.belief, episode.item.mood == "angry"))
        if told in seen:
            shared += 1
            np.testing.assert_array_equal(numbers, seen[told])
        seen[told] = numbers
    assert shared > 100


def test_says_what_it_cannot_do() -> None:
    with pytest.raises(ConfigError, match=r"EchoEnv.*menu"):
        Choices(EchoEnv())
    env = make()
    env.reset(seed=0)
    with pytest.raises(ConfigError, match="moves 0 to 6"):
        env.step(7)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_tool_calling_is_played_by_deciding(language: str) -> None:
    env = Choices(gym.make("ToolCall-v0", difficulty="small", language=language, disable_env_checker=True))
    check_env(env)
    moves = list(env.menu.moves)
    for index in range(40):
        seen, _ = env.reset(options={"index": index})
        ended, info = False, {"success": 0.0}
        while not ended:
            # The decision that is due is carried out as the oracle would: so the right decisions succeed.
            best = env.unwrapped.oracle_action()  # type: ignore[attr-defined]
            due = next(number for number in range(len(moves)) if env.menu.say(number) == best)
            seen, _, ended, _, info = env.step(due)
            assert env.observation_space.contains(seen)
            assert dict(zip(env.menu.features, seen, strict=True))[f"last_{moves[due]}"] == 1.0
        assert info["success"] == 1.0
    generator = np.random.default_rng(0)
    for index in range(20):
        env.reset(options={"index": index})
        ended = False
        while not ended:
            seen, _, ended, _, _ = env.step(generator.integers(len(moves)))
            assert env.observation_space.contains(seen)


@pytest.mark.parametrize("env_id", ["DialogueStrategy-v0", "ToolCall-v0"])
def test_the_random_policy_takes_every_move_and_repeats_itself(env_id: str) -> None:
    env: Any = gym.make(env_id, difficulty="small", disable_env_checker=True).unwrapped
    act, menu, taken = env.baselines()["random"], env.menu(), set[str]()
    for index in range(60):
        observation, _ = env.reset(options={"index": index})
        said = act(observation)
        assert said == act(observation)
        taken |= {name for number, name in enumerate(menu.moves) if menu.say(number) == said}
    assert taken == set(menu.moves)
