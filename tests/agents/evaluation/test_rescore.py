"""Stored episodes get the rewards that playing them under another reward would have given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agents.evaluation import evaluate
from agents.evaluation.log import read_log
from agents.evaluation.rescore import rescore
from envs_registry.suites import Slice
from tests.agents.build import tiny_policy
from tests.agents.evaluation.conftest import ECHO

BRIEF = {"reward": "tests.toy:brief"}


@pytest.mark.parametrize("policy", ["oracle", "model"])
def test_rescoring_is_playing_under_the_other_reward(policy: str, tmp_path: Path) -> None:
    subject = tiny_policy() if policy == "model" else policy
    settings = {"episodes": 5, "max_new_tokens": 3}
    evaluate(subject, ECHO, log=tmp_path / "greedy.jsonl", **settings)
    facts, stored = read_log(tmp_path)
    again = rescore(stored, [Slice.from_dict(one) for one in facts["slices"]], BRIEF)
    assert not again.strayed
    expected = evaluate(subject, ECHO, env_kwargs=BRIEF, **settings)
    assert [e.turns for e in again.result.episodes] == [e.turns for e in expected.episodes]
    assert [e.episode_return for e in again.result.episodes] == [e.episode_return for e in expected.episodes]
    assert stored.part_names != again.result.part_names


def test_an_unscorable_turn_is_missing() -> None:
    result = evaluate("oracle", ECHO, episodes=2)
    again = rescore(result, [Slice("", ECHO)], {"reward": "tests.toy:not_a_number"})
    assert again.result.episode_return.n == 0


def test_what_does_not_replay_is_left_out_and_said() -> None:
    result = evaluate("oracle", ECHO, episodes=6)
    assert len(rescore(result, [Slice("", ECHO, split="train")]).strayed) == 6
    longer = replace(result.episodes[0], turns=result.episodes[0].turns * 2)
    messages = (*longer.messages, *longer.messages)
    strayed = rescore(replace(result, episodes=(replace(longer, messages=messages),)), [Slice("", ECHO)]).strayed
    assert len(strayed) == 1
