"""Every id of the catalogue keeps every rule of the conformance kit, and works in Gymnasium's vectors and wrappers."""

from __future__ import annotations

import functools
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import (
    FlattenObservation,
    NormalizeReward,
    RecordEpisodeStatistics,
    TimeLimit,
    TransformObservation,
    TransformReward,
)

import textenvs  # noqa: F401 (registers the ids)
from envs_registry.catalog import CATALOG, COMPOSED
from textenvs.checker import RULES, Examination, Rule, Status
from textenvs.checker.report import say
from textenvs.errors import UnknownNameError
from textenvs.wrappers import Choices

IDS = [entry.id for entry in CATALOG]
ALL = [*IDS, *(entry.id for entry in COMPOSED)]
CERTAIN = [env_id for env_id in IDS if gym.make(env_id, disable_env_checker=True).unwrapped.oracle_is_certain]
UNCERTAIN = [env_id for env_id in IDS if env_id not in CERTAIN]


def play(env: gym.Env[Any, str], index: int, actions: list[str]) -> list[Any]:
    """One episode, with the oracle where `actions` has run out."""
    steps: list[Any] = [env.reset(options={"index": index})]
    for turn in range(64):
        action = actions[turn] if turn < len(actions) else env.unwrapped.oracle_action()  # type: ignore[attr-defined]
        steps.append(env.step(action))
        if steps[-1][2]:
            return steps
    raise AssertionError("the episode does not end")


def greatest_return(env: gym.Env[Any, str], turns: int) -> float:
    """The most that an episode of so many turns can pay.

    Where a turn is paid for what the task gained by it, that is the whole task's greatest value; else every turn's
    greatest reward.
    """
    inner: Any = env.unwrapped
    return inner.return_range[1] if inner.return_range else inner.reward_range[1] * turns


DRAWS = {"ToolCall-v0": 1_000}
"""Where making an item executes a program on a database, `textenvs check ID --draws 10000` takes minutes."""


CLOCKED = ("steps_are_quick",)
"""Rules about time: the machine may stall once, and is then asked a second time."""


def examine(env_id: str) -> Examination:
    return Examination(env_id, items=64, draws=DRAWS.get(env_id, 10_000))


examination = functools.cache(examine)


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_keeps_every_rule(rule: Rule, env_id: str) -> None:
    finding = rule.examine(examination(env_id))
    if rule.name in CLOCKED and finding.status is Status.BROKEN:
        finding = rule.examine(examine(env_id))
    assert finding.status is Status.KEPT, say(finding)


@pytest.mark.parametrize("env_id", ALL)
def test_made_by_module_and_id(env_id: str) -> None:
    assert gym.make(f"textenvs:{env_id}").spec is not None


@pytest.mark.parametrize("env_id", CERTAIN)
def test_oracle_succeeds_with_the_greatest_reward(env_id: str) -> None:
    env = gym.make(env_id)
    for index in range(50):
        steps = play(env, index, [])[1:]
        assert sum(step[1] for step in steps) == pytest.approx(greatest_return(env, len(steps)))
        assert steps[-1][4]["success"] == 1.0


DEMONSTRATORS = ("best_known", "describing", "careless")
"""No trivial policies: they listen to what users say, and know the list."""


@pytest.mark.parametrize("env_id", UNCERTAIN)
def test_an_oracle_that_cannot_be_certain_is_far_better_than_every_baseline(env_id: str) -> None:
    env: Any = gym.make(env_id).unwrapped
    returns: dict[str, float] = {}
    successes = 0
    for name, act in env.baselines().items():
        returns[name] = 0.0
        for index in range(100):
            observation, _ = env.reset(options={"index": index})
            ended, info = False, {"success": 0.0}
            while not ended:
                observation, reward, ended, _, info = env.step(act(observation))
                returns[name] += reward / 100
            successes += name == "oracle" and info["success"] == 1.0
    best = returns.pop("oracle")
    for name in DEMONSTRATORS:
        returns.pop(name, None)
    assert successes >= 95
    assert max(returns.values()) < 0.6 * best


@pytest.mark.parametrize("env_id", ALL)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vectorised(env_id: str, mode: str) -> None:
    kwargs = {"shared_memory": False} if mode == "async" else {}
    envs = gym.make_vec(env_id, num_envs=3, vectorization_mode=mode, vector_kwargs=kwargs)
    single = [gym.make(env_id) for _ in range(3)]
    try:
        observations, _ = envs.reset(seed=[1, 2, 3])
        expected = [env.reset(seed=seed)[0] for env, seed in zip(single, (1, 2, 3), strict=True)]
        assert list(observations["history"]) == [one["history"] for one in expected]
        observations, rewards, _, _, infos = envs.step(("a", "b", "c"))
        steps = [env.step(action) for env, action in zip(single, "abc", strict=True)]
        assert list(observations["history"]) == [step[0]["history"] for step in steps]
        np.testing.assert_array_equal(rewards, [step[1] for step in steps])
        assert infos["reward_valid"].tolist() == [1.0, 1.0, 1.0]
    finally:
        envs.close()


@pytest.mark.parametrize("env_id", ALL)
def test_wrappers(env_id: str) -> None:
    env = RecordEpisodeStatistics(gym.make(env_id))
    steps = play(env, 3, [])
    assert steps[-1][4]["episode"]["l"] == len(steps) - 1
    assert steps[-1][4]["episode"]["r"] == pytest.approx(sum(step[1] for step in steps[1:]))
    doubled = TransformReward(gym.make(env_id), lambda reward: 2 * reward)
    assert [s[1] for s in play(doubled, 3, [])[1:]] == [2 * s[1] for s in steps[1:]]
    NormalizeReward(gym.make(env_id)).reset(seed=0)
    cut = TimeLimit(gym.make(env_id), max_episode_steps=1)
    cut.reset(options={"index": 3})
    _, _, terminated, truncated, _ = cut.step("no")
    assert truncated or terminated
    assert env.get_wrapper_attr("oracle_action") is not None


@pytest.mark.parametrize("env_id", ALL)
def test_observations_are_transformed_and_flattened_to_what_has_a_shape(env_id: str) -> None:
    env = gym.make(env_id)
    seen, _ = env.reset(options={"index": 3})
    length = gym.spaces.Box(0, np.inf, (1,))
    lengths = TransformObservation(env, lambda seen: np.array([len(seen["history"])], np.float32), length)
    assert lengths.reset(options={"index": 3})[0].tolist() == [len(seen["history"])]
    # Text of any length has no array of fixed size, and the space says so.
    assert not env.observation_space.is_np_flattenable
    flat = FlattenObservation(Choices(env))
    assert flat.observation_space.contains(flat.reset(options={"index": 3})[0])


@pytest.mark.parametrize("env_id", ALL)
def test_a_pickled_environment_goes_on_where_it_was(env_id: str) -> None:
    env: Any = gym.make(env_id, disable_env_checker=True).unwrapped
    begun = False
    for seed in range(3, 20):
        env.reset(seed=seed)
        if begun := not any(env.step("no")[2:4]):
            break
    assert begun
    again = pickle.loads(pickle.dumps(env))  # noqa: S301
    assert again.step("no")[:4] == env.step("no")[:4]
    assert again.reset()[0] == env.reset()[0]


@pytest.mark.parametrize("env_id", ALL)
def test_is_rendered_as_a_conversation(env_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    env = gym.make(env_id, render_mode="ansi")
    seen, _ = env.reset(options={"index": 3})
    seen = env.step("so be it")[0]
    shown = str(env.render())
    assert all(message["content"].splitlines()[0] in shown for message in seen["history"])
    assert "[assistant] so be it" in shown
    assert capsys.readouterr().out == ""
    human = gym.make(env_id, render_mode="human")
    human.reset(options={"index": 3})
    human.step("so be it")
    assert "[assistant] so be it" in capsys.readouterr().out


@pytest.mark.parametrize("env_id", ALL)
def test_spec_survives_json(env_id: str) -> None:
    for reward in (None, "tests.toy:brief", {"tests.toy:brief": 0.5}):
        env = gym.make(env_id, reward=reward, split="test")
        assert env.spec is not None
        again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
        assert play(again, 5, ["x"])[1][1:] == play(env, 5, ["x"])[1][1:]


@pytest.mark.parametrize("env_id", ALL)
def test_spec_of_a_callable_says_how_to_name_it(env_id: str) -> None:
    from tests.toy import brief

    env = gym.make(env_id, reward=brief)
    assert play(env, 1, ["x"])[1][4]["reward_parts"] == {"brief": 1.0}
    assert env.spec is not None
    with pytest.raises(ValueError, match=r'reward="tests\.toy:brief"'):
        env.spec.to_json()


@pytest.mark.parametrize("env_id", IDS)
def test_unknown_reward_part_names_the_nearest(env_id: str) -> None:
    known = sorted(gym.make(env_id).unwrapped.parts())[0]  # type: ignore[attr-defined]
    with pytest.raises(UnknownNameError, match=known):
        gym.make(env_id, reward={known + "x": 1.0})
