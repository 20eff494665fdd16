"""The READMEs' commands and the examples run, and both READMEs say the same."""

from __future__ import annotations

import re
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.figures import REGRET, draw_regret
from tests.tables import READMES, render

EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def without_comments(code: str) -> str:
    return re.sub(r" *#.*", "", code)


def commands(path: Path) -> list[str]:
    lines = "\n".join(blocks(path, "sh")).replace("\\\n", " ").splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.strip()]


COMMANDS = list(dict.fromkeys(command for path in READMES.values() for command in commands(path)))
"""Both READMEs' commands, in order; they are the same, as a test says, so each runs once."""


def test_python_blocks_run_in_order(tmp_path: Path) -> None:
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks(READMES["en"], "python")), encoding="utf-8")
    subprocess.run([sys.executable, "-W", "ignore", str(script)], check=True, cwd=tmp_path, timeout=240)
    assert (tmp_path / "runs" / "rewrite").is_dir()


def test_the_commands_of_the_first_minute_are_there() -> None:
    assert {"make demo", "make test"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_runs(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "make":
        # A test must not run the tests, and the demo has a test of its own.
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{arguments[0]}:", makefile, re.MULTILINE)
        return
    assert program == "textenvs"
    if any(argument.startswith("../shared/data") and not (ROOT / argument).exists() for argument in arguments):
        pytest.skip("public data that is no part of the project")
    dry = ["--dry-run"] if arguments[0] == "train" and "--dry-run" not in arguments else []
    subprocess.run([sys.executable, "-m", "agents.cli", *arguments, *dry], check=True, cwd=ROOT, timeout=280)


def test_both_readmes_say_the_same() -> None:
    english, chinese = READMES["en"], READMES["zh"]
    assert [*map(without_comments, blocks(english, "python"))] == [*map(without_comments, blocks(chinese, "python"))]
    assert commands(english) == commands(chinese)
    headings = [len(re.findall(r"^## ", path.read_text(encoding="utf-8"), re.MULTILINE)) for path in READMES.values()]
    assert headings[0] == headings[1]
    for path in READMES.values():
        assert "openai-agents" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", READMES)
def test_tables_are_what_the_measurements_say(language: str) -> None:
    text = READMES[language].read_text(encoding="utf-8")
    assert render(text, language) == text, "run: python -m tests.tables"


def test_the_picture_is_what_the_measurements_say(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw_regret(tmp_path / "regret.svg")
    assert (tmp_path / "regret.svg").read_text() == REGRET.read_text(), "run: python -m tests.figures"


def test_a_mark_of_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no table 'chioces'.*choices"):
        render("<!-- table:chioces -->\n<!-- end -->", "en")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    before = processor_seconds_of_children()
    done = subprocess.run(
        [sys.executable, str(example)], check=True, cwd=tmp_path, timeout=240, capture_output=True, text=True
    )
    assert done.stdout.strip()
    # Each takes half a minute of a quiet core at most; a slow and busy one may need several times as much.
    assert processor_seconds_of_children() - before < 150


@pytest.mark.parametrize("number", ["05", "06"])
def test_an_agent_on_tools_of_ones_own_takes_less_than_forty_lines(number: str) -> None:
    (example,) = (path for path in EXAMPLES if path.stem.startswith(number))
    assert len(example.read_text(encoding="utf-8").splitlines()) < 40


def processor_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
