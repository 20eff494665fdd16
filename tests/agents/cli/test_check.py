"""`textenvs check` and `textenvs init`: the kit from the command line, and a scaffold that passes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agents.cli import main
from tests.conftest import ROOT

BROKEN = "tests.textenvs.checker.broken:StuckCount"
SOUND = "tests.textenvs.checker.sums:Sums"
QUICK = ["--items", "2", "--draws", "10"]


def test_a_broken_rule_is_shown_with_its_remedy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "findings.json"
    assert main(["check", BROKEN, *QUICK, "--only", "turns_are_counted", "stop_says_why", "--json", str(out)]) == 1
    page = " ".join(capsys.readouterr().out.split())
    assert all(words in page for words in ("turns_are_counted", "→ Leave the count", "1 of 2 rules kept, 1 broken"))
    record = json.loads(out.read_text())
    assert [finding["status"] for finding in record["findings"]] == ["kept", "broken"]


def test_a_sound_environment_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", SOUND, *QUICK, "--skip", "is_light", "processes_agree", "needs_no_network"]) == 0
    assert "0 broken" in capsys.readouterr().out


def test_the_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--list-rules", "--only", "history_only_grows"]) == 0
    assert "history_only_grows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("check", "name what to check"),
        ("check nothing:Here", "nothing"),
        ("check MultiTurnRewrit-v0", "'MultiTurnRewrite-v0'"),
        ("check MultiTurnRewrite-v0 --only history", "unknown rule 'history'"),
        ("init env My_Env", "lower-case"),
        ("init environment my-env", "env"),
    ],
)
def test_mistakes_are_one_line(args: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args.split()) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_the_scaffold_passes_the_check_and_its_own_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "env", "my-env", "--into", str(tmp_path)]) == 0
    assert "textenvs check my_env:MyEnv-v0" in capsys.readouterr().out
    folder = tmp_path / "my-env"

    def run(*args: str) -> str:
        environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
        done = subprocess.run([sys.executable, *args], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "0 broken" in run("-m", "agents.cli", "check", "my_env:MyEnv-v0", *QUICK)
    assert "30 of 30 harmless" in run("-m", "agents.cli", "check", "my_env.env:MyEnv", "--exploits", "--items", "2")
    assert "passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "stop or turns or pickling")
    run("-m", "ruff", "check", "--isolated", "--select", "E,F,I,B", "--line-length", "120", ".")
    assert main(["init", "env", "my-env", "--into", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
