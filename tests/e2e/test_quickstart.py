"""The quickstart and the main job from the command line to the report, made small: every piece, in seconds."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from agents import PPO
from agents.cli import main
from agents.report.run_folder import read_run
from tests.conftest import ROOT

FILES = {"config.json", "metrics.jsonl", "transcripts.jsonl", "evaluation.json", "report.html"}
TINY = ("hidden_size=32", "layers=1", "heads=2", "copying=false")
SMALL = [*(word for size in TINY for word in ("--set", f"tiny.{size}")), "--n-episodes-per-update", "8"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "quickstart"
    args = ["--demonstrations", "32", "--episodes", "32", "--batch", "16", "--held-out", "4", "--out", str(folder)]
    assert main(["quickstart", *args]) == 0
    return folder


def test_every_file_is_there_and_readable(run: Path) -> None:
    assert {path.name for path in run.iterdir()} >= FILES
    data = read_run(run)
    assert data.config["env"]["id"] == "MultiTurnRewrite-v0"
    assert len(data.metrics) == 32 / data.config["n_episodes_per_update"]
    assert {line["phase"] for line in data.transcripts} == {"before", "after"}
    assert len(data.transcripts) == 2 * 2 * 4


def test_both_languages_are_measured_apart_and_paired(run: Path) -> None:
    tables = {table["title"]: table for table in read_run(run).evaluation["tables"]}
    assert list(tables) == ["test items, greedy", "test items, greedy, zh", "test items, greedy, en"]
    for table in tables.values():
        rows = {row["name"]: row for row in table["rows"]}
        assert {"success", "return", "parts/coreference", "parts/fluency"} <= rows.keys()
        gain = rows["return"]["after"]["estimate"] - rows["return"]["before"]["estimate"]
        assert rows["return"]["difference"]["estimate"] == pytest.approx(gain)
    pairs = {(line["group"], line["index"], line["task_id"]) for line in read_run(run).transcripts}
    assert len(pairs) == 8


def test_the_baselines_frame_the_result(run: Path) -> None:
    baselines = read_run(run).evaluation["baselines"]
    assert baselines["oracle"]["success"]["estimate"] == 1.0
    assert {"copy", "random", "dump"} <= baselines.keys()


def test_the_report_opens(run: Path) -> None:
    html = (run / "report.html").read_text(encoding="utf-8")
    HTMLParser().feed(html)
    assert html.count("<svg") > 6
    assert "http://" not in html
    assert "https://" not in html


def test_the_checkpoint_goes_on(run: Path) -> None:
    agent = PPO.load(run / "checkpoint")
    action, _ = agent.predict({"instruction": "Repeat.", "tools": (), "history": ()})
    assert isinstance(action, str)


def test_it_can_be_run_again_in_place(run: Path) -> None:
    before = len(read_run(run).metrics)
    args = ["--demonstrations", "32", "--episodes", "16", "--batch", "16", "--held-out", "2", "--language", "en"]
    args += ["--out", str(run)]
    assert main(["quickstart", *args]) == 0
    assert len(read_run(run).metrics) == before // 2
    assert [table["title"] for table in read_run(run).evaluation["tables"]] == ["test items, greedy"]


def test_real_dialogues_are_scored_and_shared_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tmp_path / "own.jsonl"
    turns = [
        [{"utterance": f"谁造了塔{n}", "reply": "没人知道"}, {"utterance": "何时", "rewrite": f"塔{n}何时造的"}]
        for n in range(40)
    ]
    lines = [json.dumps({"language": "zh", "turns": [{"reply": "", **turn} for turn in pair]}) for pair in turns]
    corpus.write_text("\n".join(lines), encoding="utf-8")
    out = tmp_path / "run"
    args = [
        "--env.corpus",
        str(corpus),
        "--init",
        "sft",
        "--set",
        "sft.share=0.5",
        "--eval.samples",
        "2",
        "--out",
        str(out),
    ]
    limits = ["--episodes", "8", "--eval.episodes", "3", "--max-new-tokens", "4"]
    assert main(["train", "ppo", *args, *limits, *SMALL]) == 0
    tables = {table["title"]: table["rows"] for table in read_run(out).evaluation["tables"]}
    scores = {row["name"] for row in tables["corpus scores, test items, sampled"]}
    assert scores >= {"exact match", "restoration F1 (run)", "restoration F1 (pan)", "BLEU-4"}
    copied = read_run(out).evaluation["baselines"]["copy"]
    assert copied["exact match"]["estimate"] == 0.0
    assert "BLEU-4" in copied


def test_ctrl_c_saves_a_checkpoint_and_says_where(tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "agents.cli", "train", "ppo", "--episodes", "100000", "--out", str(out)]
    options = ["--env.difficulty", "tiny", "--eval.episodes", "2", "--max-new-tokens", "4", "--sft.rows", "8"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, *options, *SMALL], cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment
    )
    deadline = time.monotonic() + 100
    while not (out / "metrics.jsonl").exists() and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in error
    checkpoint = max((out / "checkpoints").iterdir())
    assert str(checkpoint) in error.replace("\n", "")
    assert PPO.load(checkpoint).trainer.update >= 1


def test_no_number_of_the_report_is_made_up(run: Path) -> None:
    for line in read_run(run).metrics:
        assert all(value is None or math.isfinite(value) for value in line.values())
