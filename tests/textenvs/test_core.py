"""The turn loop: Gymnasium's contract, the two halves of a step, snapshots, timing of the reward."""

from __future__ import annotations

import copy
import json
import math
import pickle
import random
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tests.toy import EchoEnv, broken, exact, not_a_number
from textenvs import Message, TextEnv
from textenvs.errors import ConfigError, ResetNeededError, UnknownNameError


def play(env: gym.Env[Any, str], actions: list[str], index: int = 3) -> list[Any]:
    steps: list[Any] = [env.reset(options={"index": index})]
    steps += [env.step(action) for action in actions]
    return steps


def test_passes_gymnasiums_own_check() -> None:
    gym.register("EchoForTests-v0", entry_point=EchoEnv)
    try:
        check_env(gym.make("EchoForTests-v0", render_mode="ansi").unwrapped)
    finally:
        del gym.registry["EchoForTests-v0"]


def test_oracle_earns_the_most_and_succeeds() -> None:
    env = EchoEnv()
    env.reset(seed=1)
    rewards = []
    terminated = False
    while not terminated:
        _, reward, terminated, truncated, info = env.step(env.oracle_action())
        rewards.append(reward)
        assert not truncated
    assert rewards == [1.0, 1.0, 1.0]
    assert info["success"] == 1.0
    assert info["stop"] == "success"


def test_history_only_grows_and_shares_its_messages() -> None:
    env = EchoEnv()
    before, _ = env.reset(seed=2)
    after, *_ = env.step("red")
    assert after["history"][: len(before["history"])] == before["history"]
    assert after["history"][0] is before["history"][0]
    assert after["history"][1] == {"role": "assistant", "content": "red", "name": "", "call_id": ""}


def test_info_holds_floats_and_names_only() -> None:
    env = EchoEnv()
    _, first = env.reset(seed=0)
    *_, info = env.step("blue")
    assert first.keys() == info.keys()
    assert first["reward_parts"].keys() == info["reward_parts"].keys() == {"exact", "brief"}
    assert all(math.isnan(value) for value in first["reward_parts"].values())
    numbers = {key: value for key, value in info.items() if key not in ("task_id", "stop", "reward_parts")}
    assert all(type(value) is float for value in [*numbers.values(), *info["reward_parts"].values()])
    json.dumps(info)


def test_step_is_settle_of_reward_of_advance() -> None:
    one, two = EchoEnv(), EchoEnv()
    one.reset(options={"index": 5})
    two.reset(options={"index": 5})
    for action in ("red", "nothing at all", "gold"):
        turn = two.advance(action)
        assert one.step(action) == two.settle(turn, two.reward(turn))


def test_advance_never_asks_the_reward() -> None:
    env = EchoEnv(reward=broken)
    env.reset(seed=0)
    assert env.advance("red").truth in ("red", "green", "blue", "gold")


@pytest.mark.parametrize("reward", [broken, not_a_number])
def test_a_failed_reward_is_missing_and_not_zero(reward: Any, caplog: pytest.LogCaptureFixture) -> None:
    env = EchoEnv(reward=reward)
    env.reset(seed=0)
    with caplog.at_level("WARNING", logger="textenvs.rewards"):
        _, value, _, _, info = env.step("red")
        env.step("red")
    assert value == 0.0
    assert info["reward_valid"] == 0.0
    assert math.isnan(info["reward_parts"][reward.__name__])
    assert len(caplog.records) == 1, "the same failure is a warning once"
    assert reward.__name__ in caplog.text


def test_a_true_zero_is_valid() -> None:
    env = EchoEnv(reward=exact)
    env.reset(seed=0)
    _, value, _, _, info = env.step("not a colour")
    assert (value, info["reward_valid"], info["reward_parts"]) == (0.0, 1.0, {"exact": 0.0})


def test_episode_timing_pays_the_same_return_at_the_end() -> None:
    actions = ["red", "blue", "gold"]
    by_turn = [step[1] for step in play(EchoEnv(), actions)[1:]]
    at_end = [step[1] for step in play(EchoEnv(reward_timing="episode"), actions)[1:]]
    assert at_end[:2] == [0.0, 0.0]
    assert at_end[2] == pytest.approx(sum(by_turn))


def test_episode_timing_keeps_a_missing_reward_missing() -> None:
    def sometimes(turn: Any) -> float:
        return math.nan if turn.index == 0 else 1.0

    steps = play(EchoEnv(reward=sometimes, reward_timing="episode"), ["a", "b", "c"])
    assert [step[4]["reward_valid"] for step in steps[1:]] == [1.0, 1.0, 0.0]


def test_snapshot_and_restore_replay_exactly() -> None:
    env = EchoEnv()
    env.reset(seed=4)
    env.step("red")
    frozen = env.snapshot()
    first = [env.step("blue"), env.step("gold")]
    for _ in range(2):
        env.restore(frozen)
        assert [env.step("blue"), env.step("gold")] == first


def test_pickled_mid_episode_goes_on_as_before() -> None:
    env = EchoEnv()
    env.reset(seed=4)
    env.step("red")
    for twin in (pickle.loads(pickle.dumps(env)), copy.deepcopy(env)):  # noqa: S301 (our own bytes)
        assert twin.step("blue") == copy.deepcopy(env).step("blue")


def test_global_random_state_is_left_alone() -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 (the global state is the point)
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    env = EchoEnv()
    for seed in range(5):
        env.reset(seed=seed)
        env.step("red")
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_step_after_the_end_says_what_to_do() -> None:
    env = EchoEnv()
    with pytest.raises(ResetNeededError, match="reset"):
        env.step("red")
    play(env, ["a", "b", "c"])
    with pytest.raises(ResetNeededError, match="reset"):
        env.step("red")
    with pytest.raises(ResetNeededError, match="reset"):
        env.oracle_action()


@pytest.mark.parametrize("action", ["", "\0", "\ud800", "<|im_end|>" * 1000, "x" * 2_000_000])
def test_any_text_is_an_action(action: str) -> None:
    env = EchoEnv()
    env.reset(seed=0)
    _, reward, _, _, info = env.step(action)
    assert math.isfinite(reward)
    assert info["success"] == 0.0


def test_an_action_that_is_no_text_is_refused() -> None:
    env = EchoEnv()
    env.reset(seed=0)
    with pytest.raises(TypeError, match="str"):
        env.step(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"indx": 1}, UnknownNameError),
        ({"index": -1}, ConfigError),
        ({"index": True}, ConfigError),
        ({"index": "3"}, ConfigError),
    ],
)
def test_bad_reset_options(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match="index"):
        EchoEnv().reset(options=options)


@pytest.mark.parametrize(
    ("argument", "nearest"),
    [
        ({"split": "tets"}, "test"),
        ({"reward_timing": "epsode"}, "episode"),
        ({"render_mode": "anssi"}, "ansi"),
        ({"reward": "exactt"}, "exact"),
    ],
)
def test_unknown_arguments_name_the_nearest(argument: dict[str, Any], nearest: str) -> None:
    with pytest.raises(UnknownNameError, match=nearest):
        EchoEnv(**argument)


def test_render_modes(capsys: pytest.CaptureFixture[str]) -> None:
    env = EchoEnv(render_mode="ansi")
    env.reset(seed=0)
    env.step("\x1b[31mred")
    text = env.render()
    assert text is not None
    assert "\x1b" not in text, "text of a model must not steer the terminal"
    assert "[assistant] \\x1b[31mred" in text
    human = EchoEnv(render_mode="human")
    human.reset(seed=0)
    human.step("red")
    assert human.render() is None
    assert "[assistant] red" in capsys.readouterr().out
    unscored = EchoEnv(render_mode="human", reward=broken)
    unscored.reset(seed=0)
    unscored.step("red")
    assert "reward missing (broken=nan)" in capsys.readouterr().out


def test_messages_cannot_be_changed() -> None:
    message = Message("user", "hi")
    with pytest.raises(TypeError):
        message["content"] = "bye"  # type: ignore[index]
    with pytest.raises(AttributeError):
        message.content = "bye"  # type: ignore[misc]
    assert message == dict(message)
    assert hash(message) == hash(Message("user", "hi"))


def test_a_text_env_without_its_hooks_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        TextEnv()  # type: ignore[abstract]
