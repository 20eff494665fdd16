"""`textenvs eval`, `compare` and `rescore` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agents.algorithms.ppo import PPOConfig
from agents.cli import main
from agents.cli.options import EnvOptions, EvalOptions
from agents.cli.settings import as_tree
from agents.cli.train import TrainOptions
from agents.evaluation import evaluate, write_transcripts
from envs_registry.suites import VERSION
from tests.agents.report.runs import write_run
from textenvs.core import Observation

EASY = ["--env.difficulty", "tiny", "--env.language", "en", "--eval.episodes", "6"]


def silent(observation: Observation) -> str:
    return "..."


def page(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_evaluate_compare_and_rescore(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    policy = f"{__name__}:silent"
    assert main(["eval", policy, *EASY, "--out", str(a)]) == 0
    assert main(["eval", "oracle", *EASY, "--eval.samples", "2", "--out", str(b)]) == 0
    assert {path.name for path in b.iterdir()} == {"greedy.jsonl", "sampled.jsonl", "scores.json"}
    scores = json.loads((b / "scores.json").read_text())
    assert scores["sampled"]["all"]["passes"]["pass^2"]["estimate"] == 1.0
    shown = page(capsys)
    assert all(words in shown for words in ("success %", "bootstrap", "invalid actions %", "by turn", "pass@2"))

    assert main(["compare", str(a), str(b), "--measure", "return", "--json", str(tmp_path / "c.json")]) == 0
    assert "all: B is higher" in page(capsys)
    assert json.loads((tmp_path / "c.json").read_text())["rows"][0]["corrected"] == 2 / 2**6

    out = tmp_path / "brief.jsonl"
    assert main(["rescore", str(a), "--reward.fn", "tests.toy:brief", "--out", str(out)]) == 0
    assert "brief" in page(capsys)
    assert main(["compare", str(a), str(out), "--measure", "return"]) == 0
    assert "B is higher" in page(capsys)


def test_a_suite_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scores.json"
    assert main(["eval", "end_at_once", "--suite", "dialogue-zh-test", "--json", str(out)]) == 0
    record = json.loads(out.read_text())
    assert record["suite"].startswith(f"dialogue-zh-test v{VERSION} (")
    assert list(record["greedy"]) == ["all", "dialogue-zh-small-test", "dialogue-zh-full-test"]
    assert main(["list", "suites"]) == 0
    assert record["suite"].split("(")[1].rstrip(")") in page(capsys)


def test_a_training_run_is_rescored_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its settings stand in config.json, its episodes in transcripts.jsonl."""
    tiny = {"difficulty": "tiny", "language": "zh"}
    before, after = (
        evaluate(policy, "MultiTurnRewrite-v0", env_kwargs=tiny, episodes=4) for policy in ("copy", "oracle")
    )
    write_transcripts(tmp_path / "transcripts.jsonl", {"before": before, "after": after})
    options = TrainOptions(PPOConfig(), env=EnvOptions(difficulty="tiny", language="zh"), eval=EvalOptions(episodes=4))
    (tmp_path / "config.json").write_text(json.dumps(as_tree(options), default=str))
    assert main(["rescore", str(tmp_path), "--reward.fn", "tests.toy:broken"]) == 0
    shown = page(capsys)
    assert "return 2.00" in shown
    assert "broken – –" in shown or "– [–, –]" in shown
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("eval oracle --suite rewrite-tset", "'rewrite-test'"),
        ("eval oracle --suite rewrite-test --env.language zh", "leave out --suite"),
        ("eval oracle --env.language fr", "'fr'"),
        ("eval tests.toy:nobody", "'nobody'"),
        ("compare nowhere nowhere", "textenvs eval"),
        ("rescore nowhere", "textenvs eval"),
    ],
)
def test_mistakes_are_one_line(args: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args.split()) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_a_report_shows_two_policies_on_the_same_items(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, a, b = write_run(tmp_path / "run"), tmp_path / "copy", tmp_path / "oracle"
    for path in (a, b):
        assert main(["eval", path.name, *EASY, "--out", str(path)]) == 0
    assert main(["report", str(folder), "--between", str(a), str(b), "--out", str(tmp_path / "page.html")]) == 0
    html = (tmp_path / "page.html").read_text()
    assert "The same dialogues, copy and oracle" in html
    assert html.count("<b>copy</b>") == html.count("<b>oracle</b>") > 1
    assert 'data-verdict="improved"' in html
    assert main(["report", str(folder), "--between", str(a), "nowhere"]) == 2


def test_changed_items_do_not_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        assert main(["eval", "copy", *EASY, "--out", str(tmp_path / name)]) == 0
    log = tmp_path / "b" / "greedy.jsonl"
    first, rest = log.read_text().split("\n", 1)
    facts = json.loads(first)
    facts["evaluation"]["slices"][0]["digest"] = "0000"
    log.write_text(json.dumps(facts) + "\n" + rest)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    assert "have changed from A to B" in capsys.readouterr().err
