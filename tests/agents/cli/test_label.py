"""``textenvs label``: from evaluations to a queue of tasks, and the page over it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.cli import main
from agents.feedback.labelling import service
from agents.feedback.labelling.queue import LabelQueue
from agents.feedback.store import Store
from tests.agents.cli.test_cli import fails
from tests.agents.cli.test_evaluation import EASY
from tests.conftest import ROOT


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the page is served with; it is not really."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(service, "serve_labels", lambda *given: calls.append(given))
    return calls


def test_two_policies_are_judged_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], served: list[tuple[Any, ...]]
) -> None:
    for name in ("oracle", "copy"):
        assert main(["eval", name, *EASY, "--out", str(tmp_path / name)]) == 0
    capsys.readouterr()
    where = str(tmp_path / "labels.db")
    runs = [str(tmp_path / "oracle"), str(tmp_path / "copy")]
    asked = ["--ask", "rank", "score", "--parts", "fluency", "--language", "zh"]
    assert main(["label", *runs, "--store", where, *asked]) == 0
    assert "tasks in the queue 'default'; page: http://127.0.0.1:8091/" in capsys.readouterr().out
    _, _, config, *address = served[0]
    assert (config.ask, config.parts, config.language) == (("rank", "score"), ("fluency",), "zh")
    assert address == ["127.0.0.1", 8091]
    store = Store(where)
    tasks = [one.impression for one in LabelQueue(store).interactions()]
    store.close()
    assert tasks
    assert {len(task.candidates) for task in tasks} == {2}
    assert {one.policy_version.rpartition("/")[2] for task in tasks for one in task.candidates} == {"oracle", "copy"}
    assert all(task.conversation[0].role == "system" for task in tasks)

    assert main(["label", "--store", where]) == 0  # a queue that is there goes on
    assert f"{len(tasks)} tasks" in capsys.readouterr().out


def test_mistakes_are_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], served: list[tuple[Any, ...]]
) -> None:
    assert main(["eval", "oracle", *EASY, "--out", str(tmp_path / "one")]) == 0
    capsys.readouterr()
    store = ("--store", str(tmp_path / "l.db"))
    assert "--least 1" in fails(capsys, "label", str(tmp_path / "one"), *store)
    assert "no evaluation" in fails(capsys, "label", str(tmp_path / "none"), *store)
    assert not (tmp_path / "l.db").exists()
    assert "name a run" in fails(capsys, "label", "--store", str(tmp_path / "none.db"))
    assert "token" in fails(capsys, "label", str(tmp_path / "one"), "--host", "0.0.0.0", *store)  # noqa: S104
    assert "queue 'a/b'" in fails(capsys, "label", str(tmp_path / "one"), "--least", "1", "--queue", "a/b", *store)
    assert not served


def test_labelling_imports_nothing_heavy() -> None:
    code = (
        "import sys, agents.cli.label, agents.feedback.labelling.service, agents.feedback.labelling.human_reward;"
        "heavy = {'torch', 'transformers', 'trl', 'datasets', 'pandas'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
