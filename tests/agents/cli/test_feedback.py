"""``textenvs feedback``: from old logs to figures, files, training rows and estimates."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agents.cli import main
from agents.cli.feedback import COMMANDS
from agents.feedback.labelling.queue import LabelQueue
from agents.feedback.labelling.verdict import Verdict
from agents.feedback.simulator import Simulator, SimulatorConfig
from agents.feedback.store import Store
from tests.agents.cli.test_cli import fails, flags
from tests.agents.feedback.labelling.conftest import question
from tests.agents.feedback.records import EXTRAS, event, shown
from tests.agents.feedback.rounds.test_round import tell, tiny
from tests.conftest import ROOT


def run(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["feedback", *args]) == 0
    return capsys.readouterr().out


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Three impressions and an event of each kind, and five lines that are none."""
    records = [shown(), shown("i1", at=0.0), shown("i2"), *(event(kind, f"e-{kind}") for kind in EXTRAS)]
    bad = [
        b"{",
        b"[]",
        b"\xff",
        b'{"kind": "click"}',
        b'{"kind": "abandon", "id": "x", "time": 1, "impression_id": "y"}',
    ]
    lines = [*(record.model_dump_json().encode() for record in records), *bad]
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_logs_are_loaded_shown_exported_and_loaded_again(
    tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ("--store", str(tmp_path / "f.db"))
    first = run(capsys, "load", "--file", str(log), *store)
    assert first.startswith("12 stored, 0 there already, 5 refused")
    assert f"{log}:13: not_json" in first
    assert f"{log}:17: unknown_impression" in first
    assert run(capsys, "load", "--file", str(log), *store).startswith("0 stored, 12 there already")
    figures = json.loads(run(capsys, "show", *store))
    assert figures["impressions"] == 3
    assert figures["events"] == dict.fromkeys(EXTRAS, 1)
    assert sum(figures["refused"].values()) == 10
    assert "--since 12" in run(capsys, "export", "--out", str(tmp_path / "out"), *store)
    again = ("--store", str(tmp_path / "again.db"))
    for name, n in (("impressions", 3), ("events", 9)):
        assert f"{n} stored" in run(capsys, "load", "--file", str(tmp_path / "out" / f"{name}.jsonl"), *again)
    old, new = (Store(place) for place in (store[1], again[1]))
    assert list(old.interactions()) == list(new.interactions())
    old.close()
    new.close()


def log_store(folder: Path) -> Path:
    """An empty store."""
    Store(folder / "empty.db").close()
    return folder / "empty.db"


def test_every_subcommand_has_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        with pytest.raises(SystemExit) as stop:
            main(["feedback", name, "--help"])
        assert stop.value.code == 0
        page = capsys.readouterr().out
        assert "usage" in page.lower()
        explained = flags(page)
        assert len(explained) <= 40
        assert all(". " in f"{words} " for words in explained.values())


def test_a_round_is_set_up_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "round.toml"
    file.write_text('route = "ppo"\nepisodes = 64\n[reward_model]\nepochs = 3.0\n[guard]\nmeasure = "return"\n')
    found = json.loads(run(capsys, "round", "--config", str(file), "--episodes", "32", "--dry-run"))
    assert (found["route"], found["episodes"], found["guard"]["measure"]) == ("ppo", 32, "return")
    assert found["reward_model"]["epochs"] == 3.0
    (tmp_path / "again.json").write_text(json.dumps(found))
    assert json.loads(run(capsys, "round", "--config", str(tmp_path / "again.json"), "--dry-run")) == found
    assert "did you mean 'episodes'" in fails(capsys, "feedback", "round", "--set", "episode=3")


def test_a_round_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where, deployment = str(tmp_path / "f.db"), ("--deployment", str(tmp_path / "d"))
    store = Store(where)
    tell(store)
    store.close()
    tiny(tmp_path / "policy")
    items = ("--env.difficulty", "tiny", "--env.language", "en", "--eval.episodes", "4", "--fresh", "4")
    liked = ("--reward.fn", "tests.agents.feedback.rounds.test_round:liked", "--guard.measure", "return")
    learn = ("--sft.learning-rate", "3e-3", "--sft.epochs", "20", "--max-new-tokens", "4", "--set", "sft.batch_size=4")
    settings = (*deployment, "--store", where, *items, *liked, *learn, "--guard.guards", "success")
    said = run(capsys, "round", "--start", str(tmp_path / "policy"), *settings)
    assert "learned from 8 rows" in said
    assert "Promoted: round-0001 serves now" in said
    assert "nothing to learn from" in fails(capsys, "feedback", "round", *settings)
    assert "in use" in fails(capsys, "feedback", "round", "--start", str(tmp_path / "policy"), *settings)
    assert "round-0000 serves again, in place of round-0001" in run(capsys, "rollback", *deployment)
    assert "none before" in fails(capsys, "feedback", "rollback", *deployment)


def test_agreement_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / "l.db")
    queue = LabelQueue(store)
    for task in queue.add([question(0), question(1)]):
        for annotator in ("x", "y"):
            queue.judge(Verdict(impression_id=task.id, annotator=annotator, best=0))
    store.close()
    said = run(capsys, "agreement", "--store", str(tmp_path / "l.db"))
    assert said.startswith("preference")
    assert "2 judged by two or more of 2" in said
    assert "nothing was judged" in run(capsys, "agreement", "--queue", "other", "--store", str(tmp_path / "l.db"))


def test_signals_are_written(tmp_path: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = ("--store", str(tmp_path / "f.db"))
    run(capsys, "load", "--file", str(log), *store)
    said = run(capsys, "signals", "--out", str(tmp_path / "rows"), *store)
    for name in ("sft", "preference", "unpaired", "rewards"):
        rows = [json.loads(line) for line in (tmp_path / "rows" / f"{name}.jsonl").read_text().splitlines()]
        assert f"{name}: {len(rows)}" in said
        assert rows


def test_a_candidate_is_estimated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulator = Simulator(SimulatorConfig(), 0)
    policy = simulator.softmax_policy(3.0)
    target = simulator.target(policy)
    log, lines = tmp_path / "log.jsonl", list[str]()
    with log.open("w") as file:
        for interaction in simulator.interactions(200):
            for record in (interaction.impression, *interaction.events):
                file.write(record.model_dump_json() + "\n")
            chances = list(target(interaction.impression))
            lines.append(json.dumps({"impression_id": interaction.impression.id, "probabilities": chances}))
    (tmp_path / "target.jsonl").write_text("\n".join(lines))
    store = ("--store", str(tmp_path / "f.db"))
    run(capsys, "load", "--file", str(log), *store)
    arguments = ("estimate", "--target", str(tmp_path / "target.jsonl"), *store)
    said = run(capsys, *arguments, "--examination", "1", "0.6", "0.3")
    rows = {line[:14].strip(): line[14:].split() for line in said.splitlines()}
    low, high = (float(end.strip("[],")) for end in rows["snips"][1:])
    assert low <= simulator.true_value(policy) <= high
    assert "200 impressions (0 too young)" in said
    assert "coverage is clear" not in said
    (tmp_path / "target.jsonl").write_text("\n".join(lines[1:]))
    assert "no probabilities for impression 'i0'" in fails(capsys, "feedback", *arguments)
    (tmp_path / "target.jsonl").write_text("{}\n" + "\n".join(lines))
    assert "target.jsonl:1: expected impression_id" in fails(capsys, "feedback", *arguments)


def test_mistakes_are_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "serve, show, export" in fails(capsys, "feedback")
    assert "did you mean 'serve'" in fails(capsys, "feedback", "srve")
    assert "no deployment" in fails(capsys, "feedback", "rollback", "--deployment", str(tmp_path))
    assert "no such file" in fails(capsys, "feedback", "show", "--store", str(tmp_path / "none.db"))
    assert "no such file" in fails(capsys, "feedback", "load", "--file", str(tmp_path / "none"))
    store = ("--store", str(tmp_path / "f.db"))
    assert "--policy" in fails(capsys, "feedback", "estimate", "--store", str(log_store(tmp_path)))
    assert "token" in fails(capsys, "feedback", "serve", "--host", "0.0.0.0", *store)  # noqa: S104
    assert "cannot be read" in fails(capsys, "feedback", "serve", "--token-file", str(tmp_path / "none"), *store)
    assert "mysql" in fails(capsys, "feedback", "show", "--store", "mysql://x/y")


def test_collecting_imports_nothing_heavy() -> None:
    code = (
        "import sys, agents.cli.feedback, agents.feedback.service, agents.feedback.export, agents.feedback.signals;"
        "import agents.feedback.estimators, agents.feedback.off_policy, agents.feedback.simulator;"
        "heavy = {'torch', 'transformers', 'trl', 'datasets', 'pandas'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
