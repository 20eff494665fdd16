"""The graph: what runs, what is skipped, what goes on, and what a plan may not say."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from agents.pipeline import Decision, Plan, Stage, decide, read_plan, run_plan
from agents.pipeline.fingerprint import fingerprint
from agents.pipeline.run import Call
from textenvs.errors import CheckpointError, ConfigError, CorpusError, UnknownNameError

PLAN = """
settings: {model: tiny, seed: 3}
stages:
  third: {command: train ppo, settings: {init: "{second}", env.kwargs: {deep: 1}}}
  first: {command: sft, settings: {data: [DATA], sft: {rows: 7}}}
  second: {command: preference, settings: {init: "{first}", seed: 4}}
"""
NAMES = {
    ("sft",): ("model", "seed", "data", "sft.rows"),
    ("preference",): ("seed", "init"),
    ("train", "ppo"): ("model", "seed", "init", "env.kwargs"),
    ("eval",): ("policy", "suite"),
}


def names_of(command: tuple[str, ...]) -> Collection[str]:
    return NAMES[command]


class Stages:
    """Stands for the commands: writes a checkpoint whose content is what it was called with."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "rows.jsonl"
        self.data.write_text("one\n")
        self.calls: list[Call] = []
        self.dies_in = ""
        self.text = PLAN

    def plan(self) -> Plan:
        path = self.root / "plan.yaml"
        path.write_text(self.text.replace("DATA", str(self.data)))
        return read_plan(path, names_of)

    def call(self, call: Call) -> None:
        self.calls.append(call)
        (call.folder / "checkpoint").mkdir(parents=True, exist_ok=True)
        if call.stage.name == self.dies_in:
            raise KeyboardInterrupt
        said = "".join(f"{name}={value}\n" for name, value in sorted(call.settings.items()) if name != "init")
        (call.folder / "checkpoint" / "weights").write_text(said + self.data.read_text() * ("data" in call.settings))

    def run(self) -> dict[str, str]:
        told: dict[str, str] = {}
        self.calls.clear()
        run_plan(self.plan(), self.root / "out", self.call, lambda stage, decision: told.update({stage.name: decision}))
        return told


@pytest.fixture
def stages(tmp_path: Path) -> Stages:
    return Stages(tmp_path)


def test_stages_run_in_order_with_the_folders_that_they_name(stages: Stages) -> None:
    assert stages.run() == {"first": "run", "second": "run", "third": "run"}
    first, second, third = stages.calls
    out = stages.root / "out"
    assert first.settings == {"model": "tiny", "seed": 3, "data": [str(stages.data)], "sft.rows": 7}
    assert second.settings == {"seed": 4, "init": str(out / "first")}
    assert third.settings["init"] == str(out / "second")
    assert third.settings["env.kwargs"] == {"deep": 1}
    assert third.folder == out / "third"


def test_what_has_not_changed_is_skipped(stages: Stages) -> None:
    stages.run()
    assert stages.run() == {"first": "skip", "second": "skip", "third": "skip"}
    assert stages.calls == []
    assert [d for _, d in decide(stages.plan(), stages.root / "out")] == [Decision.SKIP] * 3


def test_a_changed_setting_runs_its_stage_and_those_after_it(stages: Stages) -> None:
    stages.run()
    stages.text = PLAN.replace("seed: 4", "seed: 5")
    assert [d for _, d in decide(stages.plan(), stages.root / "out")] == ["skip", "run", "wait"]
    assert stages.run() == {"first": "skip", "second": "run", "third": "run"}


def test_a_changed_input_file_runs_everything_that_comes_of_it(stages: Stages) -> None:
    stages.run()
    stages.data.write_text("two\n")
    assert stages.run() == {"first": "run", "second": "run", "third": "skip"}, "the second hands on what it did"


@pytest.mark.parametrize("named", [{"reward.fn": "mine.rewards:short"}, {"reward.weights": {"mine.rewards:short": 1}}])
def test_a_reward_of_ones_own_is_an_input_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    stage, made = Stage("a", ("train", "ppo"), named), list[str]()
    for text in ("1", "1", "2"):
        (tmp_path / "mine" / "rewards.py").write_text(text)
        made.append(fingerprint(stage, {}))
    assert made[0] == made[1] != made[2]


def test_outputs_that_are_lost_or_damaged_are_made_again(stages: Stages) -> None:
    stages.run()
    (stages.root / "out" / "second" / "checkpoint" / "weights").write_text("damaged")
    assert stages.run() == {"first": "skip", "second": "run", "third": "skip"}
    (stages.root / "out" / "first" / "checkpoint" / "README.md").write_text("a note")
    assert stages.run()["first"] == "skip"


def test_a_killed_stage_goes_on_and_a_changed_one_begins_anew(stages: Stages) -> None:
    for changed, resumes in ((False, True), (True, False)):
        stages.text, stages.dies_in = PLAN, "second"
        with pytest.raises(KeyboardInterrupt):
            stages.run()
        stages.dies_in = ""
        stages.text = PLAN.replace("seed: 4", "seed: 6") if changed else PLAN
        told = stages.run()
        assert told["second"] == ("resume" if resumes else "run")
        assert stages.calls[0].resume is resumes
        assert told["first"] == "skip"
        stages.text = PLAN.replace("seed: 4", "seed: 9")
        stages.run()


def test_a_damaged_ledger_is_named(stages: Stages) -> None:
    stages.run()
    (stages.root / "out" / ".pipeline" / "ledger.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"ledger.json is damaged"):
        stages.run()


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("stages: [", ConfigError, "not valid YAML"),
        ("stages: {}", ConfigError, "stages"),
        ("stages: {a: {}}", ConfigError, "'command' is a required property"),
        ("stages: {../a: {command: sft}}", ConfigError, "does not match"),
        ("stages: {a: {command: sft, setings: {}}}", ConfigError, "setings"),
        (
            "stages: {a: {command: sft, settings: {sft: {row: 1}}}}",
            UnknownNameError,
            r"'sft.row'; did you mean 'sft.rows'",
        ),
        ("stages: {a: {command: preference, settings: {init: '{b}'}}}", UnknownNameError, "stage in .*, a 'b'"),
        (
            "stages: {a: {command: preference, settings: {init: '{b}'}}, "
            "b: {command: preference, settings: {init: '{a}'}}}",
            ConfigError,
            "wait for each other",
        ),
        ("settings: {modle: 1}\nstages: {a: {command: sft}}", UnknownNameError, "'modle'; did you mean 'model'"),
    ],
)
def test_a_plan_that_is_none_is_refused(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(error, match=message):
        read_plan(path, names_of)


def test_a_plan_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("")
    with pytest.raises(CorpusError, match=r"did you mean plan.yaml"):
        read_plan(tmp_path / "plans.yaml", names_of)
