"""``textenvs train --resume``: the same settings, the newest whole checkpoint, and no stage done twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.cli import experiment, main
from agents.trainer.agent import Agent
from agents.trainer.callbacks import CheckpointWriter
from agents.trainer.checkpoint import checkpoints
from tests.chaos.kills import differences

SMALL = (
    *("train", "ppo", "--init", "sft", "--env.difficulty", "tiny", "--env.language", "en", "--sft.rows", "8"),
    *("--set", "tiny.hidden_size=32", "--set", "tiny.layers=1", "--set", "tiny.heads=2", "--set", "tiny.copying=false"),
    *("--n-episodes-per-update", "4", "--n-minibatches", "2", "--episodes", "12", "--eval.episodes", "2"),
    *("--max-new-tokens", "3", "--checkpoints.every", "1", "--set", "checkpoints.inside=true", "--set", "threads=1"),
)


@pytest.fixture
def stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The folder of a run that has written its settings and nothing else."""
    assert main([*SMALL, "--dry-run"]) == 0
    (tmp_path / "config.json").write_text(capsys.readouterr().out)
    return tmp_path


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("ppo --learning-rate 0.5", ["learning_rate: 0.5 (given) -> 1e-05 (stored)"]),
        ("ppo --episodes 99 --env.language zh", ["episodes: 99 (given) -> 12", "env.language: zh (given) -> en"]),
        ("ppo --set tiny.layers=2", ["tiny.layers: 2 (given) -> 1 (stored)"]),
        ("ppo --set checkpoints.keep=5", ["checkpoints.keep: 5 (given) -> 2"]),
        ("grpo", ["'grpo'", "algorithm"]),
    ],
)
def test_changed_settings_are_refused_and_named(
    args: str, words: list[str], stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *args.split(), "--resume", str(stored)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(word in error for word in words), error
    assert [path.name for path in stored.iterdir()] == ["config.json"]


def test_a_changed_configuration_is_refused_and_named(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads((stored / "config.json").read_text())
    record["learning_rate"], record["env"]["language"] = 0.5, "zh"
    changed = stored / "changed.json"
    changed.write_text(json.dumps(record))
    assert main(["train", "ppo", "--resume", str(stored), "--config", str(changed)]) == 2
    error = capsys.readouterr().err
    assert "learning_rate: 0.5 (given) -> 1e-05 (stored); env.language: zh (given) -> en (stored)" in error


def test_the_same_settings_may_be_given_again(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--resume", str(stored), "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((stored / "config.json").read_text())


def test_only_an_unfinished_run_is_resumed(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (stored / "evaluation.json").write_text("{}")
    assert main(["train", "ppo", "--resume", str(stored)]) == 2
    assert "finished" in capsys.readouterr().err
    assert main(["train", "ppo", "--resume", str(stored / "nowhere")]) == 2
    assert "no run folder" in capsys.readouterr().err


def test_a_run_whose_checkpoints_are_all_damaged_is_not_begun_again(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (stored / "checkpoints" / "update-00000003").mkdir(parents=True)
    assert main(["train", "ppo", "--resume", str(stored)]) == 1
    assert "--overwrite" in capsys.readouterr().err


def test_a_stopped_run_goes_on_to_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in the second update; the newest checkpoint is then damaged, and the one before it taken."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main([*SMALL, "--out", str(whole)]) == 0
    pauses = 0

    def interrupt(self: CheckpointWriter, agent: Agent) -> None:
        nonlocal pauses
        pauses += 1
        on_pause(self, agent)
        if pauses == 7:
            raise KeyboardInterrupt

    on_pause = CheckpointWriter.on_pause
    monkeypatch.setattr(CheckpointWriter, "on_pause", interrupt)
    capsys.readouterr()
    assert main([*SMALL, "--out", str(cut)]) == 130
    assert f"textenvs train ppo --resume {cut}" in capsys.readouterr().out.replace("\n", "")
    newest = checkpoints(cut / "checkpoints")[-1]
    (newest / "model.safetensors").write_bytes(b"lost")
    monkeypatch.setattr(experiment, "warm_up", lambda *_: pytest.fail("the warm-up was done again"))
    before = (cut / "before.jsonl").stat().st_mtime_ns
    assert main(["train", "ppo", "--resume", str(cut)]) == 0
    page = capsys.readouterr().out.replace("\n", "")
    assert f"{newest.name}: model.safetensors is damaged" in page
    assert (cut / "before.jsonl").stat().st_mtime_ns == before
    assert differences(cut, whole) == []
    assert (cut / "report.html").exists()
