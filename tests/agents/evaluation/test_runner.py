"""Evaluation plays a fixed list of items, the same for everyone."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from agents import PPO
from agents.evaluation import compare, compare_groups, evaluate, write_transcripts
from agents.evaluation.held_out import HeldOut
from agents.finetune import SFTConfig, oracle_rows, sft
from agents.policies.causal_lm import CausalLMPolicy
from tests.agents.build import tiny_policy
from tests.agents.evaluation.conftest import ECHO
from tests.toy import EchoEnv, not_a_number
from textenvs import Turn
from textenvs.errors import ConfigError, UnknownNameError


@pytest.fixture(scope="module")
def policy() -> CausalLMPolicy:
    return tiny_policy()


def silent(observation: object) -> str:
    return "red"


def valid_on_red(turn: Turn) -> float:
    return 1.0 if turn.truth == "red" else math.nan


def test_the_oracle_succeeds_everywhere_and_a_constant_does_not() -> None:
    oracle = evaluate("oracle", ECHO, episodes=20)
    assert oracle.success.estimate == 1.0
    assert oracle.episode_return.estimate == pytest.approx(3.0)
    assert evaluate(silent, ECHO, episodes=20).success.estimate < 0.5


def test_every_policy_meets_the_same_items(policy: CausalLMPolicy) -> None:
    results = [evaluate(subject, ECHO, episodes=5, max_new_tokens=3) for subject in ("oracle", silent, policy)]
    assert results[0].items == results[1].items == results[2].items
    chosen = evaluate(silent, ECHO, indices=[7, 3])
    assert [episode.index for episode in chosen.episodes] == [7, 3]


def test_an_agent_is_evaluated_through_its_policy(policy: CausalLMPolicy) -> None:
    agent = PPO(policy, EchoEnv, max_new_tokens=3)
    direct, through = (evaluate(subject, ECHO, episodes=3, max_new_tokens=3) for subject in (policy, agent))
    assert [e.actions for e in direct.episodes] == [e.actions for e in through.episodes]


def test_greedy_repeats_and_samples_differ(policy: CausalLMPolicy) -> None:
    greedy = [evaluate(policy, ECHO, episodes=3, max_new_tokens=3, seed=seed) for seed in (0, 1)]
    assert [e.actions for e in greedy[0].episodes] == [e.actions for e in greedy[1].episodes]
    sampled = evaluate(policy, ECHO, episodes=2, samples=4, deterministic=False, max_new_tokens=3)
    assert len(sampled.episodes) == 8
    assert len({episode.actions for episode in sampled.episodes}) > 2
    assert sampled.episode_return.n == 2


def test_a_split_is_its_own_list_of_items() -> None:
    test, train = (evaluate("oracle", ECHO, episodes=8, split=split) for split in ("test", "train"))
    assert [e.actions for e in test.episodes] != [e.actions for e in train.episodes]


def test_an_unscored_reward_is_missing() -> None:
    result = evaluate("oracle", ECHO, episodes=4, env_kwargs={"reward": not_a_number})
    assert math.isnan(result.episode_return.estimate)
    assert result.success.estimate == 1.0
    partly = evaluate("oracle", ECHO, episodes=40, env_kwargs={"reward": valid_on_red})
    assert 0 <= partly.episode_return.n < 40


def test_unknown_baselines_and_empty_lists_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"oracel.*oracle"):
        evaluate("oracel", ECHO)
    with pytest.raises(ConfigError, match="episodes=0"):
        evaluate("oracle", ECHO, episodes=0)


def test_comparison_is_paired_and_signed() -> None:
    before, after = evaluate(silent, ECHO, episodes=30), evaluate("oracle", ECHO, episodes=30)
    table = compare(before, after, "echo")
    row = table.row("success")
    assert row.difference.estimate == pytest.approx(row.after.estimate - row.before.estimate)
    assert row.difference.clear_of_zero
    assert table.row("parts/exact").difference.estimate > 0
    assert not table.row("turns").goal
    with pytest.raises(KeyError, match="no row"):
        table.row("fun")


def test_different_items_do_not_compare() -> None:
    with pytest.raises(ValueError, match="different items"):
        compare(evaluate("oracle", ECHO, indices=[1]), evaluate("oracle", ECHO, indices=[2]), "")


def test_groups_are_reported_apart() -> None:
    protocol = HeldOut(ECHO, {"one": {}, "two": {"split": "valid"}}, episodes=5)
    result = protocol.measure("oracle")["greedy"]
    assert result.groups == ("one", "two")
    titles = [table.title for table in compare_groups(result, result, "echo")]
    assert titles == ["echo", "echo, one", "echo, two"]
    assert set(protocol.measure_baselines()) == {"oracle"}


def test_transcripts_are_json_without_nan(tmp_path: Path) -> None:
    result = evaluate("oracle", ECHO, episodes=2, env_kwargs={"reward": not_a_number})
    write_transcripts(tmp_path / "t.jsonl", {"before": result, "after": result})
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert [line["phase"] for line in lines] == ["before", "before", "after", "after"]
    assert lines[0]["return"] is None
    assert lines[0]["turns"][0]["reward"] is None
    assert lines[0]["messages"][-1]["role"] == "assistant"


def test_what_was_learned_shows(policy: CausalLMPolicy) -> None:
    learner = tiny_policy()
    rows = oracle_rows(ECHO, n=256, seed=0)
    sft(learner, rows, SFTConfig(epochs=4, learning_rate=5e-3, batch_size=16))
    table = compare(*(evaluate(p, ECHO, episodes=40, max_new_tokens=8) for p in (policy, learner)), "echo")
    assert table.row("return").difference.clear_of_zero
