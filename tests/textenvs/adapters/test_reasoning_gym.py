"""reasoning-gym: every task can be played, and neighbours share nothing."""

from __future__ import annotations

import functools
from typing import Any

import gymnasium as gym
import pytest

import textenvs  # noqa: F401 (registers the ids)
from textenvs.checker import EnvContractTests
from textenvs.errors import ConfigError, UnknownNameError

reasoning_gym = pytest.importorskip("reasoning_gym", reason="pip install 'textenvs[reasoning-gym]'")

from textenvs.adapters.reasoning_gym import ReasoningGym  # noqa: E402

UNSOLVED = {"boxnet", "rush_hour"}
"""Tasks of which reasoning-gym gives no answer."""

LENIENT = {"game_of_life_halting"}
"""Tasks whose judge takes whatever is not "True" for "False"."""


@functools.cache
def make(task: str, split: str = "train") -> Any:
    return gym.make("ReasoningGym-v0", task=task, split=split, disable_env_checker=True).unwrapped


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("task", ReasoningGym.names())
def test_every_task_is_played_and_its_answer_is_right(task: str) -> None:
    env = make(task)
    observation, _ = env.reset(options={"index": 1})
    question = observation["history"][0]["content"]
    assert question
    _, reward, terminated, _, info = env.step(env.oracle_action())
    assert terminated
    if task not in UNSOLVED:
        assert (reward, info["success"], info["stop"]) == (1.0, 1.0, "success")
    env.reset(options={"index": 1})
    _, reward, _, _, info = env.step("no answer at all")
    assert 0.0 <= reward <= 1.0
    assert (reward < 1.0 and info["success"] == 0.0) or task in LENIENT
    assert env.reset(options={"index": 1})[0]["history"][0]["content"] == question


def test_neighbours_share_nothing_where_the_library_shares_all_but_one() -> None:
    from reasoning_gym import create_dataset

    theirs = [{item["question"] for item in create_dataset("chain_sum", seed=seed, size=50)} for seed in (1, 2)]
    assert len(theirs[0] & theirs[1]) >= 49
    env = make("chain_sum")

    def questions(seed: int) -> set[str]:
        env.reset(seed=seed)
        return {env.reset()[0]["history"][0]["content"] for _ in range(50)}

    ours = [questions(seed) for seed in (1, 2)]
    assert not ours[0] & ours[1]
    assert len(ours[0]) == len(ours[1]) == 50


def test_settings_are_the_tasks_own() -> None:
    env = gym.make("ReasoningGym-v0", task="chain_sum", settings={"min_terms": 2, "max_terms": 2, "max_digits": 1})
    for index in range(5):
        question = env.reset(options={"index": index})[0]["history"][0]["content"]
        assert sum(question.count(sign) for sign in "+-") == 1
    with pytest.raises(ConfigError, match="min_termz"):
        gym.make("ReasoningGym-v0", task="chain_sum", settings={"min_termz": 2})


def test_says_what_it_does_not_know() -> None:
    with pytest.raises(UnknownNameError, match="leg_counting"):
        gym.make("ReasoningGym-v0", task="leg_count")


class TestKeepsEveryRule(EnvContractTests):
    """Every rule of the conformance kit, for one task."""

    target = "ReasoningGym-v0"
    env_kwargs = {"task": "leg_counting"}  # noqa: RUF012
    items, draws = 4, 50
    skip_rules = ("is_light",)  # it times an import that is not ours
