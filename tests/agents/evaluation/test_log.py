"""An evaluation that was killed goes on where it was, and is then the one that was not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agents.evaluation import EvaluationResult, evaluate
from agents.evaluation import runner as runner_module
from agents.evaluation.log import read_log
from tests.agents.build import tiny_policy
from tests.agents.evaluation.conftest import ECHO
from textenvs.core import Observation
from textenvs.errors import CheckpointError, ConfigError, UsageError


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "PORTION", 4)


class Mortal:
    """Says red, until it dies at the beginning of an episode."""

    def __init__(self, lives: float = float("inf")) -> None:
        self.lives = lives
        self.begun = 0

    def __call__(self, observation: Observation) -> str:
        if len(observation["history"]) == 1:
            self.begun += 1
            if self.begun > self.lives:
                raise KeyboardInterrupt
        return "red"


def timeless(result: EvaluationResult) -> list[object]:
    return [replace(episode, seconds=0.0).as_dict() for episode in result.episodes]


def test_what_is_finished_is_not_played_again(tmp_path: Path) -> None:
    log = tmp_path / "run" / "greedy.jsonl"
    with pytest.raises(KeyboardInterrupt):
        evaluate(Mortal(lives=10), ECHO, episodes=18, log=log)
    assert len(read_log(log)[1].episodes) == 8
    heir = Mortal()
    result = evaluate(heir, ECHO, episodes=18, log=log)
    assert heir.begun == 10
    assert timeless(result) == timeless(evaluate(Mortal(), ECHO, episodes=18))
    assert timeless(read_log(tmp_path / "run")[1]) == timeless(result)
    idle = Mortal()
    assert timeless(evaluate(idle, ECHO, episodes=18, log=log)) == timeless(result)
    assert idle.begun == 0


def test_a_kill_inside_a_line_costs_that_portion(tmp_path: Path) -> None:
    log = tmp_path / "greedy.jsonl"
    whole = evaluate(Mortal(), ECHO, episodes=10, log=log)
    for cut in (5, 700, 2500):
        log.write_bytes(log.read_bytes()[:-cut])
        assert timeless(evaluate(Mortal(), ECHO, episodes=10, log=log)) == timeless(whole)
        assert timeless(read_log(log)[1]) == timeless(whole)


def test_a_kill_inside_the_first_line_costs_nothing(tmp_path: Path) -> None:
    log = tmp_path / "greedy.jsonl"
    log.write_text('{"evaluat')
    with pytest.raises(CheckpointError, match="no whole line"):
        read_log(log)
    result = evaluate(Mortal(), ECHO, episodes=4, log=log)
    assert timeless(read_log(log)[1]) == timeless(result)


def test_a_model_resumes_to_the_same_episodes(tmp_path: Path) -> None:
    policy, log = tiny_policy(), tmp_path / "sampled.jsonl"
    settings = {"episodes": 4, "samples": 3, "deterministic": False, "max_new_tokens": 3}
    whole = evaluate(policy, ECHO, log=log, **settings)
    assert [episode.member for episode in whole.episodes[:4]] == [0, 1, 2, 0]
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:7]))
    assert timeless(evaluate(policy, ECHO, log=log, **settings)) == timeless(whole)
    assert whole.episodes[0].tokens > 0


def test_another_evaluation_is_refused_by_what_differs(tmp_path: Path) -> None:
    log = tmp_path / "greedy.jsonl"
    evaluate("oracle", ECHO, episodes=2, log=log)
    with pytest.raises(ConfigError, match=r"\(other: sampling\)"):
        evaluate("oracle", ECHO, episodes=2, seed=1, log=log)
    with pytest.raises(ConfigError, match=r"\(other: slices\)"):
        evaluate("oracle", ECHO, episodes=3, log=log)


def test_other_weights_under_the_same_name_are_another_policy(tmp_path: Path) -> None:
    policy, log = tiny_policy(), tmp_path / "greedy.jsonl"
    evaluate(policy, ECHO, episodes=2, max_new_tokens=2, log=log)
    with torch.no_grad():
        policy.trainable_parameters()[0][1].view(-1)[7] += 1e-4
    with pytest.raises(ConfigError, match=r"\(other: weights\)"):
        evaluate(policy, ECHO, episodes=2, max_new_tokens=2, log=log)


def test_what_is_no_evaluation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="textenvs eval"):
        read_log(tmp_path)
    (tmp_path / "x.jsonl").write_text('{"phase": 1}\n')
    with pytest.raises(CheckpointError, match="no evaluation"):
        read_log(tmp_path / "x.jsonl")


def test_either_an_environment_or_a_suite() -> None:
    with pytest.raises(ConfigError, match="either"):
        evaluate("oracle")
    with pytest.raises(ConfigError, match="either"):
        evaluate("oracle", ECHO, suite="rewrite-test")
    with pytest.raises(UsageError, match="'rewrite-zh-test'"):
        evaluate("oracle", suite="rewrite-zh-tset")
