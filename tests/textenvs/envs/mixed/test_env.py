"""Several environments as one: whose item is played, how it is scored, and what cannot be mixed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import pytest

from tests.toy import EchoEnv, brief
from textenvs.checker import check_text_env
from textenvs.envs.mixed.env import MixedTasks
from textenvs.errors import UsageError

NO_PARTS = ["parts_fuse_to_the_reward"]
"""The parts of one task say nothing about the others, so that no weights of parts are a reward of all."""
REWRITE = {"id": "MultiTurnRewrite-v0", "difficulty": "tiny", "language": "en"}


@pytest.fixture(autouse=True)
def echo() -> Iterator[None]:
    gym.register("EchoForMixing-v0", "tests.toy:EchoEnv")
    yield
    gym.registry.pop("EchoForMixing-v0")


def mixed(**settings: Any) -> MixedTasks:
    tasks = {"echo": {"id": "EchoForMixing-v0", "share": 3}, "rewrite": REWRITE}
    env = gym.make("MixedTasks-v0", tasks=tasks, disable_env_checker=True, **settings).unwrapped
    assert isinstance(env, MixedTasks)
    return env


def test_items_take_turns_and_are_those_of_their_environments() -> None:
    env = mixed(split="valid")
    own = EchoEnv(split="valid")
    for index in (0, 2, 8):
        observation, info = env.reset(options={"index": index})
        assert observation == own.reset(options={"index": index // 2})[0]
        assert info["task_id"] == f"echo/echo/{index // 2}"
        assert env.family_of(info["task_id"]) == "echo"
    _, info = env.reset(options={"index": 5})
    assert info["task_id"].startswith("rewrite/")


def test_a_turn_is_scored_by_its_own_task() -> None:
    env, own = mixed(), EchoEnv()
    env.reset(options={"index": 4})
    own.reset(options={"index": 2})
    _, reward, _, _, info = env.step(env.oracle_action())
    _, expected, _, _, inner = own.step(own.oracle_action())
    assert reward == expected
    parts = info["reward_parts"]
    assert {name: parts[f"echo/{name}"] for name in ("exact", "brief")} == inner["reward_parts"]
    assert all(math.isnan(value) for name, value in parts.items() if name.startswith("rewrite/"))
    _, opening = env.reset(options={"index": 1})
    assert opening["reward_parts"].keys() == parts.keys()


def test_one_reward_for_all_takes_the_place_of_theirs() -> None:
    env = mixed(reward=brief)
    env.reset(options={"index": 1})
    assert env.step("yes")[1] == 1.0


def test_a_seed_draws_each_task_by_its_share() -> None:
    env = mixed()
    drawn = Counter(env.reset(seed=seed)[1]["task_id"].split("/")[0] for seed in range(200))
    assert 0.65 < drawn["echo"] / 200 < 0.85
    assert env.reset(seed=7)[1]["task_id"] == mixed().reset(seed=7)[1]["task_id"]


def test_it_keeps_the_rules_of_environments() -> None:
    tasks = {"english": REWRITE, "chinese": {**REWRITE, "language": "zh"}}
    check_text_env("MixedTasks-v0", {"tasks": tasks}, items=2, draws=30, skip=NO_PARTS).require()


def test_baselines_and_honest_answers_are_those_of_the_task_that_is_played() -> None:
    env = mixed()
    assert list(env.baselines()) == ["oracle"]
    observation, _ = env.reset(options={"index": 3})
    while True:
        assert env.oracle_action() in env.honest().answers or env.honest().accepts(env.oracle_action())
        observation, _, ended, _, info = env.step(env.baselines()["oracle"](observation))
        if ended:
            break
    assert info["success"] == 1.0


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({}, "at least one"),
        ({"a": {}}, "has no 'id'"),
        ({"a/b": REWRITE}, "holds no '/'"),
        ({"a": {**REWRITE, "share": 0}}, "above 0"),
        ({"a": {"id": "CartPole-v1"}}, "CartPole"),
        ({"a": {**REWRITE, "split": "test"}}, "holds for all tasks"),
        ({"a": {"id": "Nothing-v0"}}, "Nothing-v0"),
        ({"a": {**REWRITE, "dificulty": "tiny"}}, "did you mean 'difficulty'"),
    ],
)
def test_what_cannot_be_mixed_is_refused(tasks: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        MixedTasks(tasks=tasks)


def test_moves_are_those_of_the_task_that_is_played() -> None:
    tasks: dict[str, dict[str, Any]] = {
        "rewrite": REWRITE,
        "dialogue": {"id": "DialogueStrategy-v0", "difficulty": "small", "language": "en"},
    }
    env: Any = gym.make("MixedTasks-v0", tasks=tasks, disable_env_checker=True).unwrapped
    menu = env.menu()
    for index in range(4):
        env.reset(options={"index": index})
        task = ("rewrite", "dialogue")[index % 2]
        own: Any = gym.make(disable_env_checker=True, **tasks[task]).unwrapped
        own.reset(options={"index": index // 2})
        inner, ended = own.menu(), False
        while not ended:
            shown = dict(zip(menu.features, menu.look(), strict=True))
            assert {name: shown[name] for name in tasks} == {name: float(name == task) for name in tasks}
            assert [shown[f"{task}/{name}"] for name in inner.features] == inner.look()
            others = [value for name, value in shown.items() if "/" in name and not name.startswith(task)]
            assert not any(others)
            said = {name: menu.say(number) for number, name in enumerate(menu.moves)}
            assert [said[f"{task}/{name}"] for name in inner.moves] == [inner.say(n) for n in range(len(inner.moves))]
            assert all(text == name for name, text in said.items() if not name.startswith(task))
            action = inner.say(inner.moves.index("keep" if task == "rewrite" else "end"))
            _, _, ended, _, _ = env.step(action)
            own.step(action)


def test_a_mixture_with_a_task_that_has_no_moves_says_so() -> None:
    with pytest.raises(UsageError, match=r"EchoEnv.*no menu"):
        mixed().menu()
