"""Tokens: the same episode, the same rewards, one token at a time."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import TimeLimit
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3

from envs_registry import CATALOG
from tests.toy import EchoEnv
from textenvs.errors import ConfigError, ResetNeededError, UnknownNameError
from textenvs.wrappers import NO_TOKEN, OneOf, Tokens

IDS = [entry.id for entry in CATALOG]
STOP = 256
CUT = 257
"""Stands for the end of a turn that was cut."""


class Bytes:
    """The simplest chat: every byte is a token, and a stop token ends every message."""

    stop_ids = (STOP,)

    def prompt_ids(self, observation: Mapping[str, Any]) -> list[int]:
        return [i for message in observation["history"] for i in (*message["content"].encode(), STOP)]

    def continuation(
        self, context: Sequence[int], previous: Mapping[str, Any], new: Mapping[str, Any], finish_reason: str
    ) -> list[int] | None:
        replies = new["history"][len(previous["history"]) + 1 :]
        end = [] if finish_reason == "stop" else [CUT]
        return end + self.prompt_ids({"history": replies})

    def action_text(self, ids: Sequence[int]) -> str:
        return bytes(i for i in ids if i < STOP).decode(errors="replace")


class Forgetful(Bytes):
    """A template that rewrites the past."""

    def continuation(self, context: Any, previous: Any, new: Any, finish_reason: Any) -> None:
        return None


def view(env: gym.Env[Any, Any], **changes: Any) -> Tokens:
    settings = {"chat": Bytes(), "vocabulary": 258, "context_length": 4096, "max_new_tokens": 512} | changes
    return Tokens(env, **settings)


def echo(**changes: Any) -> Tokens:
    return view(EchoEnv(), **{"context_length": 64, "max_new_tokens": 8, "form": "box"} | changes)


def say(env: Tokens, text: str, stop: bool = True) -> list[Any]:
    return [env.step(token) for token in (*text.encode(), *([STOP] if stop else []))]


def shown(observation: Any) -> list[int]:
    return observation[observation != NO_TOKEN].tolist()


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
@pytest.mark.parametrize("form", ["dict", "box"])
@pytest.mark.parametrize("env_id", IDS)
def test_passes_both_env_checkers(env_id: str, form: Any) -> None:
    env = view(gym.make(env_id, language="en", disable_env_checker=True), form=form, max_new_tokens=4)
    check_env(env, skip_render_check=True)
    check_env_of_sb3(env)


@pytest.mark.parametrize("env_id", IDS)
def test_an_episode_spelt_out_is_the_episode_itself(env_id: str) -> None:
    spelt, plain = (gym.make(env_id, disable_env_checker=True, reward_timing="turn") for _ in range(2))
    tokens = view(spelt, context_length=1 << 16)
    for index in range(3):
        tokens.reset(options={"index": index})
        plain.reset(options={"index": index})
        ended = False
        while not ended:
            action = plain.unwrapped.oracle_action()  # type: ignore[attr-defined]
            seen, reward, ended, _, info = plain.step(action)
            steps = say(tokens, action)
            assert [step[1] for step in steps] == [0.0] * (len(steps) - 1) + [reward]
            assert steps[-1][2:4] == (ended, False)
            assert steps[-1][4] == {**info, "prompt_cut": 0.0}
            for _, _, terminated, truncated, between in steps[:-1]:
                assert not terminated
                assert not truncated
                assert between.keys() == steps[-1][4].keys()
                assert all(math.isnan(part) for part in between["reward_parts"].values())
                assert (between["success"], between["reward_valid"]) == (0.0, 1.0)
            if not ended:
                mask = steps[-1][0]["mask"].astype(bool)
                ids = steps[-1][0]["ids"]
                assert ids[mask].tolist() == Bytes().prompt_ids(seen)
                assert not ids[~mask].any()


def test_every_token_is_seen_at_once_and_the_worlds_answer_after_the_turn() -> None:
    env = echo()
    first = shown(env.reset(options={"index": 0})[0])
    word = bytes(first[:-1]).decode()
    steps = say(env, word)
    for place, step in enumerate(steps[:-1]):
        assert shown(step[0]) == [*first, *word.encode()[: place + 1]]
    whole = shown(steps[-1][0])
    assert whole[: len(first) + len(word) + 1] == [*first, *word.encode(), STOP]
    assert len(whole) > len(first) + len(word) + 1


def test_a_turn_at_its_greatest_length_is_said_as_it_is_and_closed_by_the_template() -> None:
    env = echo()
    first = shown(env.reset(options={"index": 0})[0])
    steps = say(env, "12345678", stop=False)
    assert [step[4]["turn"] for step in steps] == [0.0] * 7 + [1.0]
    assert shown(steps[-1][0])[: len(first) + 9] == [*first, *b"12345678", CUT]
    assert env.unwrapped._history[1].content == "12345678"  # type: ignore[attr-defined]


def test_a_full_context_truncates_and_shows_its_end() -> None:
    env = echo(context_length=20)
    env.reset(options={"index": 0})
    steps = say(env, "1234567")
    observation, reward, terminated, truncated, info = steps[-1]
    assert (terminated, truncated, info["stop"]) == (False, True, "context_full")
    assert reward == 0.0
    assert shown(observation) == env._context[-20:]
    with pytest.raises(ResetNeededError, match="reset"):
        env.step(STOP)


def test_of_a_prompt_that_is_too_long_the_end_is_shown_and_said_so() -> None:
    env = echo(context_length=10)
    observation, info = env.reset(options={"index": 0})
    assert info["prompt_cut"] == 1.0
    assert shown(observation) == Bytes().prompt_ids(env.unwrapped._observation())[-2:]  # type: ignore[attr-defined]
    assert env.step(ord("x"))[4]["prompt_cut"] == 1.0


def test_where_the_template_rewrites_the_past_the_context_is_its_prompt() -> None:
    env = echo(chat=Forgetful())
    env.reset(options={"index": 0})
    seen = say(env, "no")[-1][0]
    assert shown(seen) == Bytes().prompt_ids(env.unwrapped._observation())  # type: ignore[attr-defined]


def test_a_limit_from_outside_truncates() -> None:
    env = view(TimeLimit(EchoEnv(), max_episode_steps=1))
    env.reset(seed=0)
    assert say(env, "no")[-1][2:4] == (False, True)


def test_masks_follow_the_turn_and_begin_anew_with_the_next() -> None:
    env = echo(allowed=OneOf([b"red" + b"", b"rot", (*b"go", STOP)]))
    env.reset(options={"index": 0})

    def allowed() -> list[int]:
        return np.flatnonzero(env.action_masks()).tolist()

    assert allowed() == sorted(b"rg")
    env.step(ord("r"))
    assert allowed() == sorted(b"eo")
    env.reset(options={"index": 0})
    say(env, "go")
    assert allowed() == sorted(b"rg")
    env.step(ord("x"))
    with pytest.raises(ConfigError, match="masks were not kept"):
        env.action_masks()
    assert echo().action_masks().all()


def test_can_be_pickled_and_made_from_its_spec() -> None:
    env = view(gym.make("MultiTurnRewrite-v0", disable_env_checker=True))
    env.reset(seed=1)
    again = pickle.loads(pickle.dumps(env.unwrapped))  # noqa: S301
    assert again._history == env.unwrapped._history  # type: ignore[attr-defined]
    made = gym.make(env.spec)  # type: ignore[arg-type]
    np.testing.assert_array_equal(made.reset(seed=1)[0]["ids"], env.reset(seed=1)[0]["ids"])
    assert made.get_wrapper_attr("action_masks")().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_new_tokens": 64}, "no room for a prompt"),
        ({"max_new_tokens": 0}, "at least 1"),
        ({"vocabulary": 0}, "at least 1"),
    ],
)
def test_says_what_it_cannot_do(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        echo(**changes)


def test_says_what_it_does_not_know() -> None:
    with pytest.raises(UnknownNameError, match="box"):
        echo(form="boxes")
    with pytest.raises(ConfigError, match="no turns"):
        OneOf([])
    env = echo()
    with pytest.raises(ResetNeededError):
        env.step(0)
    env.reset(seed=0)
    with pytest.raises(ConfigError, match="tokens 0 to 257"):
        env.step(258)
