from __future__ import annotations

import pytest

from agents.policies.scripted import ScriptedPolicy
from tests.toy import EchoEnv
from textenvs.errors import UnknownNameError


def test_a_baseline_of_an_environment_plays_it():
    env = EchoEnv()
    observation, _ = env.reset(options={"index": 0})
    oracle = ScriptedPolicy.of(env, "oracle")
    ended = False
    while not ended:
        observation, _, ended, _, info = env.step(oracle.act([observation])[0])
    assert info["success"] == 1.0


def test_a_rule_answers_every_observation():
    shout = ScriptedPolicy("shout", lambda observation: observation["instruction"].upper())
    assert shout.act([{"instruction": "a"}, {"instruction": "b"}]) == ["A", "B"]


def test_an_unknown_baseline_is_explained():
    with pytest.raises(UnknownNameError, match="oracle"):
        ScriptedPolicy.of(EchoEnv(), "oracel")
