"""The command line: fast help, one-line errors, and commands that do what they say."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.cli import main
from agents.cli.main import COMMANDS
from envs_registry import ENTRIES
from tests.agents.build import tiny_policy
from tests.conftest import ROOT
from textenvs.errors import UsageError


def fails(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """Run a command that the user got wrong; return its one line."""
    assert main(args) == 2
    error = capsys.readouterr().err
    assert error.startswith("textenvs: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
    return error


def test_help_is_instant_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from agents.cli import main; main(['--help']);"
        "heavy = {'torch', 'transformers', 'trl', 'gymnasium', 'numpy', 'tyro', 'rich'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    walls = []
    for _ in range(3):
        start = time.perf_counter()
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
        walls.append(time.perf_counter() - start)
        assert result.returncode == 0, result.stderr
        assert all(name in result.stdout for name in COMMANDS)
    assert min(walls) < 0.5


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    if command == "train":
        assert main([command, "--help"]) == 0
        capsys.readouterr()
        command = "train ppo"
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    assert stop.value.code == 0
    page = capsys.readouterr().out
    assert f"textenvs {command}" in page
    explained = flags(page)
    assert len(explained) <= 40
    assert [flag for flag, words in explained.items() if ". " not in f"{words} "] == [], "these have no sentence"


def flags(page: str) -> dict[str, str]:
    """Return every flag of a help page, but ``--help``, with what is said of it."""
    lines = [line for line in page.splitlines() if not re.search("[-─]{9}", line)]
    entries = [re.sub(r"[│|\s]+", " ", entry) for entry in re.split(r"(?m)^[│|] (?=--[a-z])", "\n".join(lines))[1:]]
    return {flag: words for entry in entries for flag, _, words in [entry.partition(" ")]}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("lits", ["'lits'", "'list'", "textenvs --help"]),
        ("train ppp", ["'ppp'", "'ppo'", "textenvs list algorithms"]),
        ("train --env.id x", ["name the algorithm first"]),
        ("train ppo --env.id MultiTurnRewrit-v0", ["'MultiTurnRewrite-v0'", "textenvs list"]),
        ("train ppo --env.id nothing:Here-v0", ["nothing"]),
        ("train ppo --learning-rat 1", ["--learning-rat", "--learning-rate", "train ppo --help"]),
        ("train ppo --learning-rate fast", ["--learning-rate", "fast"]),
        ("train ppo --learning-rate -1", ["learning_rate=-1", "above 0"]),
        ("train ppo --lr-schedule lin", ["lin", "linear"]),
        ("train ppo extra", ["'extra'"]),
        ("train ppo --env.difficulty tinny", ["'tinny'", "'tiny'"]),
        ("train ppo --env.language fr", ["'fr'"]),
        ("train ppo --env.corpus nowhere.tsv", ["nowhere.tsv"]),
        ('train ppo --env.kwargs {"langage":1}', ["'langage'", "'language'", "textenvs show"]),
        ("train ppo --env.kwargs [1]", ["--env.kwargs", "JSON object"]),
        ("train ppo --env.kwargs {", ["not valid JSON"]),
        ("train ppo --reward.fn fluenzy", ["'fluenzy'", "'fluency'"]),
        ("train ppo --reward.fn tests.toy:exat", ["'exat'", "'exact'"]),
        ("train ppo --reward.fn no.such:thing", ["no.such"]),
        ('train ppo --reward.fn a:b --reward.weights {"fluency":1}', ["either"]),
        ("train ppo --set eval.split=tets", ["'tets'", "'test'"]),
        ("train ppo --init nowhere --out OUT", ["nowhere"]),
        ("train ppo --out OUT --reward textenvs.rewards.judge:Judge:http://127.0.0.1:9/v1#m", [":9/v1#m", "reached"]),
        ("train ppo --sft.epochs 0 --init sft", ["epochs=0"]),
        ("train ppo --set sft.share=1.5 --init sft", ["share=1.5"]),
        ("eval oracel --eval.episodes 1", ["'oracel'", "oracle"]),
        ("eval", ["textenvs eval --help"]),
        ("report", ["textenvs report --help"]),
        ("report nowhere", ["nowhere"]),
        ("play --baseline oracel", ["'oracel'", "'oracle'"]),
        ("show Cart", ["'Cart'"]),
        ("show CartPole-v1", ["no text environment"]),
        ("quickstart --seeds 1", ["--seeds", "--seed"]),
        ("quickstart --language fr", ["fr", "zh"]),
        ("sft", ["--out"]),
    ],
)
def test_a_mistake_is_one_line_that_helps(
    args: str, words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    error = fails(capsys, *(str(tmp_path / "run") if arg == "OUT" else arg for arg in args.split()))
    assert all(word in error for word in words), error


def test_nothing_is_written_before_the_options_are_checked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    fails(capsys, "train", "ppo", "--out", str(tmp_path / "run"), "--env.language", "fr")
    assert not (tmp_path / "run").exists()


def test_what_the_system_refuses_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.jsonl").write_text("{}")
    assert main(["clean", str(tmp_path / "rows.jsonl"), "--out", str(tmp_path / "rows.jsonl")]) == 1
    assert capsys.readouterr().err == f"textenvs: '{tmp_path / 'rows.jsonl'}': File exists\n"

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    assert main(["clean", str(tmp_path / "rows.jsonl"), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == "textenvs: No space left on device\n"


def test_untrusted_names_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in fails(capsys, "train", "ppo", "--env.language", "\x1b[31mzh")


def test_a_run_is_not_overwritten_by_accident(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert "--overwrite" in fails(capsys, "train", "ppo", "--out", str(tmp_path), "--init", "sft")
    assert (tmp_path / "config.json").read_text() == "{}"


def test_dry_run_prints_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    args = ["--env.language", "zh", "--reward.weights", '{"fluency": 1}', "--learning-rate", "2e-5", "--init", "sft"]
    assert main(["train", "ppo", *args, "--dry-run"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["algorithm"] == "ppo"
    assert record["learning_rate"] == 2e-5
    assert record["env"]["language"] == "zh"
    assert record["reward"]["weights"] == '{"fluency": 1}'


def test_weights_are_given_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    args = ["--reward.weights.coreference", "0.4", "--reward.weights.tests.toy:brief=0.6", "--dry-run"]
    assert main(["train", "ppo", *args]) == 0
    record = json.loads(capsys.readouterr().out)
    assert json.loads(record["reward"]["weights"]) == {"coreference": 0.4, "tests.toy:brief": 0.6}
    assert main(["train", "ppo", "--reward", "tests.toy:brief", "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["reward"]["fn"] == "tests.toy:brief"
    for wrong in (["--reward.weights.coreference", "much"], ["--reward.weights.coreference"]):
        assert "--reward.weights.coreference 0.4" in fails(capsys, "train", "ppo", *wrong)


def test_train_alone_names_the_algorithms(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train"]) == 0
    assert "  ppo" in capsys.readouterr().out


def test_list_names_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    page = capsys.readouterr().out
    assert all(name in page for name in (*(entry.id for entry in ENTRIES), "ppo", "grpo"))
    assert "did you mean 'MixedTasks-v0'" in fails(capsys, "show", "MixedTasks")
    assert main(["list", "algorithms"]) == 0
    assert "MultiTurnRewrite" not in capsys.readouterr().out


def test_show_plays_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "MultiTurnRewrite-v0", "--env.language", "en", "--env.difficulty", "easy"]) == 0
    page = capsys.readouterr().out
    assert all(word in page for word in ("coreference", "oracle", "copy", "[user]", "rewards: 1.00"))


def test_play_by_baseline_and_by_hand(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ["--env.language", "en", "--env.difficulty", "easy", "--seed", "3"]
    assert main(["play", "MultiTurnRewrite-v0", *settings, "--baseline", "oracle"]) == 0
    assert "success" in capsys.readouterr().out
    monkeypatch.setattr("builtins.input", lambda prompt: "")
    assert main(["play", *settings]) == 0
    assert "success" in capsys.readouterr().out

    def closed(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    assert main(["play", *settings]) == 130


def test_play_shows_what_moves_are_worth(capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--baseline", "oracle", "--seed", "3", "--advice"]
    small = ["--env.id", "DialogueStrategy-v0", "--env.difficulty", "small", "--env.language", "en"]
    assert main(["play", *settings, *small]) == 0
    page = capsys.readouterr().out
    rows = [line.split() for line in page.splitlines() if line.startswith("  ") and "What about the" in line]
    assert {row[2] for row in rows} == {"question"}
    assert page.index("worth") < page.index("[assistant]")
    assert main(["play", *settings]) != 0
    assert "DialogueStrategy-v0 does" in capsys.readouterr().err


def test_eval_measures_a_baseline(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "scores.json"
    args = ["--env.difficulty", "easy", "--eval.episodes", "5", "--json", str(out)]
    assert main(["eval", "oracle", *args]) == 0
    assert json.loads(out.read_text())["greedy"]["all"]["means"]["success"]["estimate"] == 1.0
    assert "success" in capsys.readouterr().out


def test_eval_measures_a_saved_policy(tmp_path: Path) -> None:
    tiny_policy().save(tmp_path / "policy")
    out = tmp_path / "scores.json"
    args = ["--eval.episodes", "2", "--env.difficulty", "tiny", "--max-new-tokens", "2", "--json", str(out)]
    assert main(["eval", str(tmp_path / "policy"), *args]) == 0
    assert json.loads(out.read_text())["greedy"]["all"]["means"]["success"]["estimate"] == 0.0


def test_sft_saves_a_policy_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from agents import CausalLMPolicy
    from agents.cli.models import load_policy

    out = tmp_path / "policy"
    settings = ("hidden_size=32", "layers=1", "heads=2", "vocab_size=400", "copying=false")
    size = [word for setting in settings for word in ("--set", f"tiny.{setting}")]
    args = ["--out", str(out), "--env.difficulty", "tiny", "--sft.rows", "16", "--sft.batch-size", "8", *size]
    assert main(["sft", *args]) == 0
    assert CausalLMPolicy.load(out / "checkpoint").context_length == 1024
    assert load_policy(out).context_length == 1024
    assert "--overwrite" in fails(capsys, "sft", *args)
    assert "finished" in fails(capsys, "sft", "--resume", str(out))


def test_the_module_runs_too() -> None:
    result = subprocess.run([sys.executable, "-m", "agents.cli", "nonsense"], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 2
    assert "'nonsense'" in result.stderr


def test_errors_are_usage_errors() -> None:
    assert issubclass(UsageError, ValueError)
