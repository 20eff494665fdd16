"""``textenvs reward-model``: from a file of pairs to a reward that ``train`` takes by its folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.cli import main
from agents.finetune.preference_rows import write_rows
from agents.finetune.preferences import PreferencePair
from agents.policies.reward_model import RewardModel
from tests.agents.build import tiny_policy
from textenvs.messages import Message, Turn

PAIRS = [PreferencePair((Message("user", f"{x}{y}"),), "a" + x, "b" + y, 0.5) for x in "abcd" for y in "cdef"]
SIZE = [
    word
    for setting in ("hidden_size=16", "layers=1", "heads=2", "vocab_size=300", "copying=false", "context_length=64")
    for word in ("--set", f"tiny.{setting}")
]
FAST = ["--epochs", "8", "--batch-size", "4", "--learning-rate", "1e-2", "--held-out", "0.3", "--device", "cpu"]


@pytest.mark.parametrize("base", ["from nothing", "on a policy, with an adapter"])
def test_a_file_of_pairs_becomes_a_reward(base: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(tmp_path / "pairs.jsonl", PAIRS)
    out = tmp_path / "rm"
    args = ["reward-model", "--data", str(tmp_path / "pairs.jsonl"), "--out", str(out), *FAST]
    if base == "from nothing":
        args += SIZE
    else:
        tiny_policy().save(tmp_path / "start")
        args += ["--init", str(tmp_path / "start"), "--lora-rank", "4"]
    assert main(args) == 0
    said = capsys.readouterr().out
    assert "held-out accuracy %" in said
    assert "calibration error" in said
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert base != "from nothing" or evaluation["held_out"]["accuracy"]["estimate"] > 0.9
    assert sum(one["pairs"] for one in evaluation["held_out"]["bins"]) == evaluation["held_out"]["pairs"]
    assert {p.suffix for p in out.rglob("*") if p.is_file()} <= {".safetensors", ".json", ".jsonl", ".jinja", ".html"}
    model = RewardModel(out)
    good, bad = (Turn("", (Message("user", "ac"),), answer) for answer in ("aa", "bb"))
    assert model(good) != model(bad) if base != "from nothing" else model(good) > model(bad)
    train = ["train", "ppo", "--reward", str(out), "--dry-run"]
    assert main(train) == 0
    assert json.loads(capsys.readouterr().out)["reward"]["fn"] == str(out)
    assert main([*train[:2], f"--reward.weights.{out}", "0.5", "--reward.weights.fluency", "1", "--dry-run"]) == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("reward-model", ["--out is missing"]),
        ("reward-model --out OUT --data nowhere.jsonl", ["no file nowhere.jsonl"]),
        ("reward-model --out OUT --centring -1", ["centring=-1"]),
        ("reward-model --out OUT --epoch 1", ["--epoch", "--epochs"]),
    ],
)
def test_a_mistake_is_one_line_that_helps(
    args: str, words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([str(tmp_path / "run") if arg == "OUT" else arg for arg in args.split()]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(word in error for word in words), error
