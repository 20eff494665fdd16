"""``textenvs sft``: rows of one's own, a run folder, and going on after a stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from agents.cli import main
from agents.finetune import safe_checkpoints

SIZE = [
    word
    for setting in ("hidden_size=16", "layers=1", "heads=2", "vocab_size=300", "copying=false", "context_length=64")
    for word in ("--set", f"tiny.{setting}")
]


def write_rows(path: Path, n: int = 24) -> Path:
    rows = (
        {"messages": [{"role": "user", "content": f"say {word}"}, {"role": "assistant", "content": word}]}
        for word in ("red", "green", "blue") * (n // 3)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_of_ones_own_make_a_run(tmp_path: Path) -> None:
    files = [str(write_rows(tmp_path / f"{name}.jsonl")) for name in "ab"]
    out = tmp_path / "run"
    args = ["--data", *files, "--sft.batch-size", "4", "--sft.packing", "--set", "sft.checkpoint_every=5", *SIZE]
    assert main(["sft", "--out", str(out), *args]) == 0
    assert {p.name for p in out.iterdir()} == {
        *("checkpoint", "checkpoints", "config.json", "metrics.jsonl", "evaluation.json", "report.html")
    }
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["update"] for line in lines] == [10]
    assert {"loss", "learning_rate", "grad_norm", "episodes"} <= lines[0].keys()
    assert json.loads((out / "evaluation.json").read_text())["facts"]["conversations"] == "48"


def test_a_stopped_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["--data", str(write_rows(tmp_path / "rows.jsonl")), "--sft.batch-size", "4", *SIZE]
    args += ["--set", "sft.checkpoint_every=2"]
    assert main(["sft", "--out", str(tmp_path / "whole"), *args]) == 0
    written = safe_checkpoints.write_folder

    def stop_after_the_second(place: Path, fill: object) -> None:
        written(place, fill)  # type: ignore[arg-type]
        if place.name == "update-00000004":
            raise KeyboardInterrupt

    monkeypatch.setattr(safe_checkpoints, "write_folder", stop_after_the_second)
    assert main(["sft", "--out", str(tmp_path / "cut"), *args]) == 130
    assert "--resume" in capsys.readouterr().out
    monkeypatch.undo()
    assert main(["sft", "--resume", str(tmp_path / "cut"), "--seed", "5"]) == 2
    assert "seed: 5 (given)" in capsys.readouterr().err
    assert main(["sft", "--resume", str(tmp_path / "cut")]) == 0
    whole, cut = (load_file(tmp_path / name / "checkpoint" / "model.safetensors") for name in ("whole", "cut"))
    assert all(whole[name].equal(cut[name]) for name in whole)


def test_mistakes_are_said_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"messages": [{"role": "user", "content": "hi"}]}\n')
    out = tmp_path / "run"
    assert main(["sft", "--data", str(rows), "--out", str(out)]) == 2
    assert f"{rows}:1: messages: the last message" in capsys.readouterr().err
    assert not out.exists()
    assert main(["sft", "--data", str(rows)]) == 2
    assert "--out" in capsys.readouterr().err
