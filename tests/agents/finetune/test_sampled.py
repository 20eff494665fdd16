"""Pairs of a policy's own answers: what was paid more is preferred, where the tries at an item part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import gymnasium as gym
import pytest

from agents.finetune.sampled import Said, answers_of, sampled_pairs
from agents.rollout.sampling import SamplingParams
from agents.trajectory import Trajectory
from tests.agents.build import tiny_policy, trajectory, turn
from textenvs.errors import ConfigError
from textenvs.faults import Fault
from textenvs.messages import Message

ECHO = "EchoForPairs-v0"
TALK = tuple({"role": role, "content": text} for role, text in [("user", "a"), ("assistant", "b")] * 2)


@pytest.fixture(scope="module", autouse=True)
def echo() -> Iterator[None]:
    gym.register(ECHO, "tests.toy:EchoEnv")
    yield
    del gym.registry[ECHO]


def played(first: float, second: float, valid: bool = True) -> Trajectory:
    return replace(trajectory([[0, 1]], [turn(first), turn(second, valid)]), messages=TALK)


@pytest.mark.parametrize(("alone", "worth"), [(True, [1.0, 0.25]), (False, [1.25, 0.25])])
def test_an_answer_is_worth_what_it_is_paid_or_what_comes_of_it(alone: bool, worth: list[float]) -> None:
    asked, said = Message("user", "a"), Message("assistant", "b")
    conversations = [(asked,), (asked, said, asked)]
    expected = [Said(before, "b", paid) for before, paid in zip(conversations, worth, strict=True)]
    assert list(answers_of(played(1.0, 0.25), alone)) == expected


def test_what_was_not_scored_or_broke_off_says_nothing() -> None:
    assert [said.worth for said in answers_of(played(1.0, 0.0, valid=False), True)] == [1.0]
    assert list(answers_of(played(1.0, 0.0, valid=False), False)) == []
    broken = replace(played(1.0, 1.0), stop=Fault.ENVIRONMENT_RAISED.stop)
    assert list(answers_of(broken, True)) == []


def test_a_policys_better_paid_answer_is_preferred() -> None:
    policy, params = tiny_policy(), SamplingParams(max_new_tokens=4)
    pairs = sampled_pairs(policy, ECHO, n=8, members=6, params=params, seed=1)
    assert 1 < len(pairs) <= 8
    # The only part that babbling can earn is to be brief: 0.25 for up to five characters.
    assert all(len(pair.chosen) <= 5 < len(pair.rejected) and pair.margin == 0.25 for pair in pairs)
    assert all(pair.prompt[:1] == (Message("system", "Repeat the word."),) for pair in pairs)
    assert pairs == sampled_pairs(policy, ECHO, n=8, members=6, params=params, seed=1)


def test_no_pair_at_all_is_an_error_that_says_why() -> None:
    with pytest.raises(ConfigError, match="2 items have given no pair: all 2 tries"):
        sampled_pairs(tiny_policy(), ECHO, n=2, members=2, least=2.0, params=SamplingParams(max_new_tokens=2))
    with pytest.raises(ConfigError, match="members=1"):
        sampled_pairs(tiny_policy(), ECHO, members=1)
    with pytest.raises(ConfigError, match="does not name its items"):
        sampled_pairs(tiny_policy(), "CartPole-v1")
