"""TextVectorEnv: Gymnasium's face, partial stepping, and what does not wait for what."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import AlreadyPendingCallError
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from tests.chaos.worlds import slow_at_first
from tests.toy import EchoEnv, brief
from textenvs import Turn
from textenvs.errors import ConfigError, ResetNeededError, UnknownNameError
from textenvs.vector import Step, TextVectorEnv
from textenvs.vector.batching import stack_infos

KINDS = ("inline", "thread", "process")


@pytest.fixture
def close() -> Iterator[list[TextVectorEnv]]:
    made: list[TextVectorEnv] = []
    yield made
    for envs in made:
        envs.close()


@pytest.fixture
def echo_id() -> Iterator[str]:
    gym.register("EchoVector-v0", "tests.toy:EchoEnv")
    yield "EchoVector-v0"
    gym.registry.pop("EchoVector-v0")


def wait(envs: TextVectorEnv, count: int, **how: bool) -> list[Step]:
    steps: list[Step] = []
    while len(steps) < count:
        steps += envs.receive(**how)
    return steps


@pytest.mark.parametrize("workers", KINDS)
def test_every_kind_of_worker_gives_what_single_environments_give(workers: Any, close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(EchoEnv, 2, workers=workers)
    close.append(envs)
    single = [EchoEnv(), EchoEnv()]
    observations, infos = envs.reset(seed=[5, 6])
    expected = [env.reset(seed=seed) for env, seed in zip(single, (5, 6), strict=True)]
    for turn in range(4):
        assert list(observations["history"]) == [one[0]["history"] for one in expected]
        assert infos["task_id"].tolist() == [one[1]["task_id"] for one in expected]
        if turn == 3:
            return
        played = [env.step(word) for env, word in zip(single, ("red", "blue"), strict=True)]
        observations, rewards, terminated, truncated, infos = envs.step(("red", "blue"))
        assert rewards.tolist() == [one[1] for one in played]
        assert terminated.tolist() == [one[2] for one in played] == [turn == 2] * 2
        assert not truncated.any()
        final = infos if turn < 2 else infos["final_info"]
        for name in ("exact", "brief"):
            assert final["reward_parts"][name].tolist() == [one[4]["reward_parts"][name] for one in played]
        assert final["stop"].tolist() == [one[4]["stop"] for one in played]
        expected = [(one[0], one[4]) for one in played] if turn < 2 else [env.reset() for env in single]


def test_the_last_observation_is_kept_and_not_shared() -> None:
    envs = TextVectorEnv(EchoEnv, 2)
    envs.reset(options={"index": [1, 2]})
    for _ in range(2):
        envs.step(("a", "b"))
    observations, _, terminated, _, infos = envs.step(("c", "d"))
    assert terminated.all()
    assert [len(final["history"]) for final in infos["final_obs"]] == [6, 6]
    assert [final["history"][-1]["content"] for final in infos["final_obs"]] == ["c", "d"]
    assert [len(history) for history in observations["history"]] == [1, 1]
    infos["final_obs"][0]["history"] = ()
    infos["final_info"]["turn"][0] = 99.0
    again = envs.step(("e", "f"))
    assert [len(history) for history in again[0]["history"]] == [3, 3]
    assert "final_obs" not in again[4]
    assert again[4]["turn"].tolist() == [1.0, 1.0]


def test_some_of_the_environments_can_be_played() -> None:
    envs = TextVectorEnv(EchoEnv, 4)
    envs.reset(options={"index": [1, 2, 3, 4]})
    observations, rewards, _, _, infos = envs.step({3: "a", 1: "b"})
    assert infos["env_id"].tolist() == [3, 1]
    assert infos["task_id"].tolist() == ["echo/4", "echo/2"]
    assert rewards.shape == (2,)
    assert [history[1]["content"] for history in observations["history"]] == ["a", "b"]
    assert envs.step(("x",) * 4)[4]["turn"].tolist() == [1.0, 2.0, 1.0, 2.0]


def test_a_slow_judge_holds_up_only_its_own_environment(close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(partial(EchoEnv, reward=slow_at_first), 2, workers="thread")
    close.append(envs)
    envs.reset(options={"index": 1})
    envs.step({1: "a"})
    envs.send({0: "a", 1: "b"})
    (step,) = envs.receive()
    assert (step.index, step.info["turn"]) == (1, 2.0)
    envs.send({1: "c"})
    assert [(s.index, s.terminated) for s in wait(envs, 2)] == [(1, True), (0, False)]
    assert envs.receive() == []


def test_the_world_need_not_wait_for_its_judge(close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(partial(EchoEnv, reward=slow_at_first), 1, workers="thread")
    close.append(envs)
    envs.reset(options={"index": 1})
    for turn in range(3):
        envs.send({0: "red"})
        (step,) = envs.receive(early=True)
        assert (step.settled, step.moved, step.info["turn"], step.terminated) == (False, True, turn + 1.0, turn == 2)
        assert np.isnan(step.reward)
        assert np.isnan(step.info["reward_parts"]["slow_at_first"])
    settled = wait(envs, 3, early=True)
    assert [(step.info["turn"], step.reward, step.moved) for step in settled] == [
        (turn, 1.0, False) for turn in (1.0, 2.0, 3.0)
    ]


def test_the_reward_is_asked_once_for_all_turns() -> None:
    class Judge:
        def __call__(self, turn: Turn) -> float:
            raise AssertionError("one by one")

        def score_batch(self, turns: Sequence[Turn]) -> list[float]:
            batches.append(len(turns))
            return [float(turn.index) for turn in turns]

    batches: list[int] = []
    envs = TextVectorEnv(lambda: EchoEnv(reward=Judge()), 5)
    envs.reset(seed=0)
    assert envs.step(("a",) * 5)[1].tolist() == [0.0] * 5
    assert envs.step(("a",) * 5)[1].tolist() == [1.0] * 5
    assert batches == [5, 5]


@pytest.mark.parametrize("workers", ["inline", "thread"])
def test_a_reward_at_the_end_of_the_episode_is_the_sum(workers: Any, close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(partial(EchoEnv, reward=brief, reward_timing="episode"), 1, workers=workers)
    close.append(envs)
    for _ in range(2):
        envs.reset(options={"index": 1})
        assert [envs.step(("a",))[1][0] for _ in range(3)] == [0.0, 0.0, 3.0]


def test_infos_have_the_types_of_all_environments() -> None:
    infos = stack_infos([{"a": 1, "n": 1, "s": "x"}, {"a": 0.5, "n": 2, "b": True, "d": {"p": 1.0}}])
    np.testing.assert_array_equal(infos["a"], [1.0, 0.5])
    assert infos["a"].dtype == np.float64
    assert infos["n"].tolist() == [1, 2]
    assert infos["n"].dtype == np.int64
    assert infos["s"].tolist() == ["x", None]
    assert infos["_s"].tolist() == [True, False]
    assert infos["b"].tolist() == [None, True]
    np.testing.assert_array_equal(infos["d"]["p"], [np.nan, 1.0])
    assert infos["d"]["_p"].tolist() == [False, True]


@pytest.mark.parametrize("workers", KINDS)
def test_an_environment_that_is_no_textenv_is_stepped_whole(workers: Any, close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv("CartPole-v1", 2, workers=workers)
    close.append(envs)
    single = [gym.make("CartPole-v1"), gym.make("CartPole-v1")]
    observations, _ = envs.reset(seed=3)
    np.testing.assert_array_equal(observations, [env.reset(seed=3 + i)[0] for i, env in enumerate(single)])
    for _ in range(5):
        played = [env.step(1) for env in single]
        np.testing.assert_array_equal(envs.step(np.array([1, 1]))[0], [one[0] for one in played])


def test_a_wrapped_environment_keeps_its_wrapper(close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(lambda: gym.wrappers.TimeLimit(EchoEnv(), 2), 1)
    envs.reset(seed=0)
    envs.step(("a",))
    assert envs.step(("a",))[3].tolist() == [True]


def test_make_vec_gives_it(echo_id: str, close: list[TextVectorEnv]) -> None:
    envs = gym.make_vec("MultiTurnRewrite-v0", 2, workers="thread", split="test")
    assert isinstance(envs, TextVectorEnv)
    close.append(envs)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert envs.call("split") == ("test", "test")
    assert envs.reset(seed=1)[0] in envs.observation_space
    assert envs.spec is not None
    again = gym.make_vec(gym.envs.registration.EnvSpec.from_json(envs.spec.to_json()))
    assert isinstance(again, TextVectorEnv)
    close.append(again)
    assert again.num_envs == 2
    assert envs.call("split") == again.call("split")


def test_gymnasiums_vector_wrappers_fit() -> None:
    envs = RecordEpisodeStatistics(TextVectorEnv(partial(EchoEnv, reward=brief), 2))
    envs.reset(seed=0)
    for _ in range(3):
        infos = envs.step(("a", "b"))[4]
    assert infos["episode"]["r"].tolist() == [3.0, 3.0]
    assert infos["episode"]["l"].tolist() == [3, 3]


def test_a_worker_process_imports_neither_torch_nor_the_reward(close: list[TextVectorEnv]) -> None:
    gym.register("Troubled-v0", "tests.chaos.worlds:TroubledEnv")
    envs = TextVectorEnv("Troubled-v0", 1, workers="process", env_kwargs={"reward": "tests.heavy_reward:score"})
    gym.registry.pop("Troubled-v0")
    close.append(envs)
    envs.reset(options={"index": 0})
    assert envs.step(("red",))[1].tolist() == [1.0]
    (modules,) = envs.call("modules")
    assert "tests.chaos.worlds" in modules
    assert not {"torch", "transformers", "agents", "tests.heavy_reward"} & set(modules)


def test_rendering_shows_every_conversation() -> None:
    envs = TextVectorEnv(partial(EchoEnv, render_mode="ansi"), 2)
    envs.reset(options={"index": [1, 2]})
    shown = envs.render()
    assert shown is not None
    assert all(text.startswith("[user]") for text in shown)


def test_what_cannot_be_is_refused_with_the_reason(close: list[TextVectorEnv]) -> None:
    with pytest.raises(UnknownNameError, match="process"):
        TextVectorEnv(EchoEnv, 1, workers="proces")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="workers='process'"):
        TextVectorEnv(EchoEnv, 1, step_timeout_s=1.0)
    with pytest.raises(ConfigError, match="above 0"):
        TextVectorEnv(EchoEnv, 1, workers="thread", step_timeout_s=0.0)
    with pytest.raises(ConfigError, match="pickled"):
        TextVectorEnv(lambda: EchoEnv(), 1, workers="process")
    with pytest.raises(ConfigError, match="already made"):
        TextVectorEnv([EchoEnv()], workers="process")
    with pytest.raises(ConfigError, match="1 environments were given"):
        TextVectorEnv([EchoEnv()], 2)
    with pytest.raises(ConfigError, match="empty"):
        TextVectorEnv([])
    with pytest.raises(ConfigError, match="id"):
        TextVectorEnv(EchoEnv, env_kwargs={"split": "test"})
    envs = TextVectorEnv(partial(EchoEnv, reward=slow_at_first), 2, workers="thread")
    close.append(envs)
    with pytest.raises(ResetNeededError, match="environment 1"):
        envs.send({1: "a"})
    envs.begin(0, seed=1)
    with pytest.raises(AlreadyPendingCallError, match="environment 0"):
        envs.begin(0, seed=1)
    with pytest.raises(ConfigError, match="3 seeds"):
        envs.reset(seed=[1, 2, 3])
    envs.reset(seed=1)
    with pytest.raises(ConfigError, match="1 actions"):
        envs.step(("a",))
    with pytest.raises(UnknownNameError, match="index"):
        envs.reset(options={"indexes": 1})


def test_what_was_sent_before_a_step_is_received_after_it(close: list[TextVectorEnv]) -> None:
    envs = TextVectorEnv(partial(EchoEnv, reward={"exact": 1.0}), 2, workers="thread")
    close.append(envs)
    envs.reset(options={"index": [1, 2]})
    envs.send({0: "a"})
    time.sleep(0.05)
    assert envs.step({1: "b"})[4]["env_id"].tolist() == [1]
    assert [step.index for step in wait(envs, 1)] == [0]
