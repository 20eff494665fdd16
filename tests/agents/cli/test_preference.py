"""``textenvs preference``: a run folder like every stage's, from files or from an environment, and going on."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium as gym
import pytest
from safetensors.torch import load_file

from agents.cli import main
from agents.finetune import safe_checkpoints
from agents.finetune.preference_rows import write_rows
from agents.finetune.preferences import Answers, PreferencePair
from tests.agents.build import tiny_policy
from textenvs.messages import Message

PAIRS = [PreferencePair((Message("user", x),), x, y) for x in "abcd" for y in "abcd" if x != y]
ECHO = "EchoForPreferences-v0"
FAST = ["--epochs", "2", "--batch-size", "4", "--learning-rate", "1e-3", "--set", "held_out=0.3"]


@pytest.fixture
def start(tmp_path: Path) -> list[str]:
    tiny_policy().save(tmp_path / "start")
    write_rows(tmp_path / "pairs.jsonl", [*PAIRS, PreferencePair(PAIRS[0].prompt, "a", "a")])
    write_rows(tmp_path / "labels.jsonl", Answers(PAIRS))
    return ["preference", "--init", str(tmp_path / "start"), "--device", "cpu"]


@pytest.mark.parametrize(("method", "rows"), [("dpo", "pairs"), ("kto", "labels")])
def test_rows_of_ones_own_make_a_run(
    method: str, rows: str, start: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    data = ["--data", str(tmp_path / f"{rows}.jsonl"), "--out", str(out)]
    assert main([*start, *data, "--method", method, *FAST]) == 0
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation["facts"]["stage"] == method.upper()
    assert evaluation["held_out"]["rows"] > 0
    said = capsys.readouterr().out
    assert "Held out: margin" in said
    assert ("pairs.jsonl:13" in said) == (method == "dpo")
    assert json.loads((out / "config.json").read_text())["method"] == method
    assert main([*start, *data, "--method", method]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["report", str(out)]) == 0


def test_a_stopped_run_is_resumed_to_the_same_weights(
    start: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    args = [*start, "--data", str(tmp_path / "pairs.jsonl"), *FAST, "--set", "checkpoint_every=1"]
    assert main([*args, "--out", str(tmp_path / "whole")]) == 0
    save = safe_checkpoints.SafeCheckpoints._save_checkpoint

    def stop(self: safe_checkpoints.SafeCheckpoints, *more: object) -> None:
        save(self, *more)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(safe_checkpoints.SafeCheckpoints, "_save_checkpoint", stop)
        assert main([*args, "--out", str(tmp_path / "stopped")]) == 130
    assert f"textenvs preference --resume {tmp_path / 'stopped'}" in " ".join(capsys.readouterr().out.split())
    assert main(["preference", "--resume", str(tmp_path / "stopped")]) == 0
    whole, resumed = (load_file(tmp_path / run / "checkpoint" / "model.safetensors") for run in ("whole", "stopped"))
    assert whole.keys() == resumed.keys()
    assert all((whole[name] == resumed[name]).all() for name in whole)


def test_a_policys_own_answers_are_pairs(start: list[str], tmp_path: Path) -> None:
    gym.register(ECHO, "tests.toy:EchoEnv")
    args = ["--env.id", ECHO, "--pairs.source", "sampled", "--pairs.rows", "8", "--set", "pairs.max_new_tokens=4"]
    try:
        assert main([*start, *args, "--out", str(tmp_path / "run"), "--set", "held_out=0"]) == 0
    finally:
        del gym.registry[ECHO]
    assert int(json.loads((tmp_path / "run" / "evaluation.json").read_text())["facts"]["rows"]) > 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("preference --model tiny --out OUT", ["--init RUN"]),
        ("reward-model --out OUT --pairs.source sampled", ["pairs.source=sampled", "--init RUN"]),
        ("preference --init x", ["--out is missing"]),
        ("preference --init x --out OUT --data nowhere.jsonl", ["no file nowhere.jsonl"]),
        ("preference --init x --out OUT --env.id CartPole-v1", ["no text environment"]),
        ("preference --init x --out OUT --loss-type sigmod", ["'sigmod'", "'sigmoid'"]),
        ("preference --init x --out OUT --method kto --judge http://localhost:1#m", ["--judge"]),
        ("preference --init x --out OUT --constitution c.txt", ["--judge URL#MODEL"]),
        ("preference --init x --out OUT --beta 0", ["beta=0"]),
    ],
)
def test_a_mistake_is_one_line_that_helps(
    args: str, words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([str(tmp_path / "run") if arg == "OUT" else arg for arg in args.split()]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(word in error for word in words), error
    assert not (tmp_path / "run").exists()
