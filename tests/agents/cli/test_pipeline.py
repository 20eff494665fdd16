"""``textenvs pipeline``: presets that can be read, and two real stages with their evaluations, killed and gone on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from agents.cli import eval, main
from agents.cli.parse import parse
from agents.cli.pipeline import find_plan
from agents.cli.pipeline_stages import arguments, names_of, with_evaluations
from agents.pipeline import read_plan
from agents.pipeline.run import NOTES, Call
from envs_registry.suites import Slice

PLAN = """
settings:
  seed: 1
  tiny: {hidden_size: 16, layers: 1, heads: 2, vocab_size: 300, copying: false}
  env: {difficulty: tiny, language: en}
stages:
  sft: {command: sft, settings: {sft: {rows: 64, batch_size: 4, checkpoint_every: 1}}}
"""
EVALUATION = "evaluation: {suites: [rewrite-en-valid]}"


@pytest.mark.parametrize("name", ["tiny", "qwen3-0.6b-lora", "qwen3-8b-lora"])
def test_presets_are_plans_that_their_commands_take(name: str, tmp_path: Path) -> None:
    plan = with_evaluations(read_plan(find_plan(name), names_of))
    stages = {stage.name: stage for stage in plan.stages}
    assert [*stages][:3] == ["sft", "dpo", "ppo"]
    assert stages["ppo"].needs == ("dpo",)
    assert sum(stage.command == ("eval",) for stage in plan.stages) == 3
    assert plan.about
    (tmp_path / NOTES).mkdir()
    for stage in list(stages.values())[:3]:
        call = Call(stage, stage.resolved(tmp_path), tmp_path / stage.name, resume=False)
        assert main([*arguments(call), "--dry-run"]) == 0


def test_without_suites_a_policy_is_measured_on_what_it_was_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN + "evaluation: {settings: {eval: {episodes: 3, groups: {other: {language: zh}}}}}")
    *_, measured = with_evaluations(read_plan(path, names_of)).stages
    assert (measured.name, measured.measures_on) == ("sft-on-MultiTurnRewrite-v0", "MultiTurnRewrite-v0")
    assert measured.needs == ("sft",)
    call = Call(measured, measured.resolved(tmp_path), tmp_path / measured.name, resume=False)
    command, *args = arguments(call)
    options = parse(eval.Options, args, command)
    assert (command, options.policy, options.seed) == ("eval", str(tmp_path / "sft"), 1)
    suite, _ = eval.played(options.suite, options.env, options.reward, options.eval)
    assert suite.as_dicts() == [
        Slice("other", "MultiTurnRewrite-v0", {"difficulty": "tiny", "language": "zh"}, indices=(0, 1, 2)).as_dict()
    ]


def test_mistakes_are_said_before_anything_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pipeline", "tinny"]) == 2
    assert "did you mean 'tiny'" in capsys.readouterr().err
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN + EVALUATION.replace("valid", "vali"))
    assert main(["pipeline", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "'rewrite-en-valid'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(["pipeline", "tiny", "--show"]) == 0
    assert "stages:" in capsys.readouterr().out


def test_a_killed_stage_goes_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(PLAN)
    args = ["pipeline", str(path), "--out", str(out)]
    killer = threading.Thread(target=kill_after_first_checkpoint, args=(out / "sft",))
    killer.start()
    assert main(args) == 1
    killer.join()
    assert "stage 'sft' ended with -9" in capfd.readouterr().err
    assert not (out / "sft" / "evaluation.json").exists()
    assert main(args) == 0
    assert "resume  sft" in capfd.readouterr().out
    ledger = json.loads((out / NOTES / "ledger.json").read_text())
    assert ledger["stages"]["sft"]["processor_s"] > 0.1, "it is measured in the process that ran it"
    assert main([*args, "--dry-run"]) == 0
    assert capfd.readouterr().out == "skip    sft  (sft)\n"


def kill_after_first_checkpoint(folder: Path) -> None:
    """Kill the child that is writing there."""
    deadline = time.monotonic() + 250
    while not list((folder / "checkpoints").glob("update-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    children = Path(f"/proc/{os.getpid()}/task/{threading.main_thread().native_id}/children").read_text().split()
    for child in children:
        if str(folder) in Path(f"/proc/{child}/cmdline").read_text():
            os.kill(int(child), signal.SIGKILL)


def test_a_stage_that_fails_ends_the_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[list[str]] = []

    def refuse(command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        calls.append(command[3:])
        return subprocess.CompletedProcess(command, 2)

    monkeypatch.setattr(subprocess, "run", refuse)
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(PLAN)
    assert main(["pipeline", str(path), "--out", str(out)]) == 2
    assert "stage 'sft' ended with 2" in capsys.readouterr().err
    settings = out / ".pipeline" / "sft.json"
    assert calls == [["sft", "--config", str(settings), "--out", str(out / "sft"), "--overwrite"]]
    assert json.loads(settings.read_text())["sft.rows"] == 64
