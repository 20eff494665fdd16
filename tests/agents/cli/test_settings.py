"""Settings by name: from a file, by ``--set`` and by flags, of every algorithm."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agents.algorithms.registry import ALGORITHMS
from agents.cli import main
from agents.cli.options import RewardOptions
from agents.cli.resume import ABOUT_THE_RUN
from agents.cli.settings import as_tree, settings_of, with_values
from agents.cli.train import FLAGS, TrainOptions, resolve
from agents.trainer.callbacks import TensorBoard
from tests.agents.cli.test_cli import fails
from tests.conftest import ROOT
from textenvs.errors import UnknownNameError, UsageError


def record(capsys: pytest.CaptureFixture[str], *args: str, algorithm: str = "ppo") -> dict:
    assert main(["train", algorithm, *args, "--dry-run"]) == 0
    return json.loads(capsys.readouterr().out)


def shown(capsys: pytest.CaptureFixture[str], algorithm: str) -> tuple[str, list[str]]:
    with pytest.raises(SystemExit):
        main(["train", algorithm, "--help"])
    page = capsys.readouterr().out
    return page, sorted(set(re.findall(r"^[│| ]+(--(?!help)[a-z][\w.-]*)", page, re.MULTILINE)))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_forty_flags_at_most(algorithm: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, flags = shown(capsys, algorithm)
    assert 30 <= len(flags) <= 40


def test_train_alone_fits_on_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    page = capsys.readouterr().out
    assert len(page.splitlines()) <= 80
    for name, algorithm in ALGORITHMS.items():
        assert re.search(f"^  {name}  +{re.escape(algorithm.title)}$", page, re.MULTILINE)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_setting_has_a_sentence(algorithm: str) -> None:
    options = TrainOptions(settings=ALGORITHMS[algorithm].config())
    missing = [name for name, setting in settings_of(options).items() if not setting.help.strip().endswith(".")]
    assert missing == []


def test_every_flag_is_a_setting_of_some_algorithm() -> None:
    names = {name for a in ALGORITHMS.values() for name in settings_of(TrainOptions(settings=a.config()))}
    assert set(FLAGS) <= names
    assert set(ABOUT_THE_RUN) <= names


def test_the_later_source_is_the_stronger(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("learning_rate = 1e-3\nepisodes = 7\n[sft]\nepochs = 3\nshare = 0.25\n[env.kwargs]\nholdout = 5\n")
    read = record(capsys, "--config", str(file))
    assert (read["learning_rate"], read["episodes"], read["sft"]["share"]) == (1e-3, 7, 0.25)
    assert json.loads(read["env"]["kwargs"]) == {"holdout": 5}
    read = record(capsys, "--config", str(file), "--set", "sft.epochs=4", "--set=learning_rate=2e-3", "--episodes", "9")
    assert (read["learning_rate"], read["episodes"], read["sft"]["epochs"]) == (2e-3, 9, 4)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_run_repeats_from_its_own_record(algorithm: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    changed = ["--set", "tiny.copying=false", "--set", "sft.lapses=0.5", "--env.language", "zh", "--seed", "3"]
    first = record(capsys, *changed, algorithm=algorithm)
    (tmp_path / "config.json").write_text(json.dumps(first))
    assert record(capsys, "--config", str(tmp_path / "config.json"), algorithm=algorithm) == first
    assert first["tiny"]["copying"] is False


def test_yaml_will_do_and_weighs_rewards_by_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        "learning_rate: 1e-3\nenv: {language: en}\ntiny: {copying: no}\n"
        "reward:\n  timing: episode\n  weights:\n    coreference: 0.4\n    tests.toy:brief: 0.6\n"
    )
    read = record(capsys, "--config", str(file))
    assert (read["learning_rate"], read["env"]["language"], read["tiny"]["copying"]) == (1e-3, "en", False)
    by_name = record(
        capsys, "--config", str(file), "--reward.weights.coreference", "0.4", "--reward.weights.tests.toy:brief=0.6"
    )
    assert json.loads(read["reward"]["weights"]) == {"coreference": 0.4, "tests.toy:brief": 0.6}
    assert by_name["reward"] == read["reward"]
    in_python = {"reward": {"coreference": 0.4, "tests.toy:brief": 0.6}, "reward_timing": "episode"}
    assert RewardOptions(**read["reward"]).settings() == in_python


def test_folders_of_reward_models_are_an_ensemble(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        (folder / "checkpoint").mkdir(parents=True)
        (folder / "checkpoint" / "reward_model.json").touch()
    models = "agents.policies.reward_model"
    one, both = (str(folders[0] / "checkpoint"), ",".join(str(folder / "checkpoint") for folder in folders))
    named = f"{folders[0]},{folders[1]}@0.5"
    assert RewardOptions(fn=str(folders[0])).settings()["reward"] == f"{models}:RewardModel:{one}"
    assert RewardOptions(fn=named).settings()["reward"] == f"{models}:RewardEnsemble:{both}@0.5"
    weighed = RewardOptions(weights=json.dumps({named: 0.5, "tests.toy:brief": 1.0})).settings()["reward"]
    assert weighed == {f"{models}:RewardEnsemble:{both}@0.5": 0.5, "tests.toy:brief": 1.0}
    with pytest.raises(UsageError, match=r"'.*/c' is no folder of a reward model"):
        RewardOptions(fn=f"{folders[0]},{tmp_path / 'c'}").settings()


def test_a_reward_is_named_as_shortly_in_a_file_as_by_its_flag(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("reward: tests.toy:brief\n")
    named = record(capsys, "--reward", "tests.toy:brief")
    assert named["reward"]["fn"] == "tests.toy:brief"
    assert record(capsys, "--config", str(file)) == record(capsys, "--set", "reward=tests.toy:brief") == named


def test_a_mapping_is_given_as_json_or_as_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[part_weights]\nfluency = 0.5\ncoreference = 1\n")
    by_file = record(capsys, "--config", str(file), algorithm="grpo")
    by_name = record(capsys, "--set", 'part_weights={"fluency": 0.5, "coreference": 1}', algorithm="grpo")
    assert by_file["part_weights"] == by_name["part_weights"] == {"fluency": 0.5, "coreference": 1.0}
    (tmp_path / "config.json").write_text(json.dumps(by_file))
    assert record(capsys, "--config", str(tmp_path / "config.json"), algorithm="grpo") == by_file


@pytest.mark.parametrize(
    ("name", "size"), [("rewrite_zh", 4800), ("toolcall", 900), ("dialogue", 800)], ids=lambda value: str(value)
)
def test_the_examples_settings_exist(capsys: pytest.CaptureFixture[str], name: str, size: int) -> None:
    read = record(capsys, "--config", str(ROOT / "examples" / f"{name}.toml"), "--init", "sft")
    assert read["tiny"]["vocab_size"] == size


SUFFIXES = {"BAD": "toml", "UNCLOSED": "yaml", "PAIRS": "yml"}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("--set sft.laps=1", ["'sft.laps'", "'sft.lapses'", "train ppo --dry-run"]),
        ("--set sft.lapses", ["NAME=VALUE"]),
        ("--set sft.lapses=often", ["--set", "sft.lapses", "often"]),
        ("--sft.lapses 1", ["--set sft.lapses=VALUE"]),
        ("--tiny.hidden-size=1", ["--set tiny.hidden_size=VALUE"]),
        ("--config nowhere.toml", ["nowhere.toml", "cannot be read"]),
        ("--config BAD", ["cannot be read"]),
        ("--config LIST", ["object of settings"]),
        ("--config UNCLOSED", ["cannot be read", "line 1"]),
        ("--config PAIRS", ["cannot be read"]),
        ("--config OTHER", ["another algorithm than 'ppo'"]),
        ("--config TYPO", ["'learning_rat'", "'learning_rate'"]),
    ],
)
def test_a_mistake_in_a_setting(
    args: str, words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    files = {
        "BAD": "x = = 1",
        "LIST": "[1]",
        "UNCLOSED": "a: [1",
        "PAIRS": "? [a, b]\n: 1",
        "OTHER": '{"algorithm": "grpo"}',
        "TYPO": '{"learning_rat": 1}',
    }
    given = args.split()
    if text := files.get(given[-1]):
        file = tmp_path / f"bad.{SUFFIXES.get(given[-1], 'json')}"
        file.write_text(text)
        given[-1] = str(file)
    error = fails(capsys, "train", "ppo", *given, "--dry-run")
    assert all(word in error for word in words), error


def test_values_go_into_nested_records_and_come_out_again() -> None:
    options = TrainOptions(settings=ALGORITHMS["ppo"].config())
    changed = with_values(options, {"learning_rate": 0.5, "sft.rows": 3})
    assert (changed.settings.learning_rate, changed.sft.rows, changed.env) == (0.5, 3, options.env)
    assert as_tree(changed)["sft"]["rows"] == 3
    for name in ("sft.row", "sft"):
        with pytest.raises(UnknownNameError, match=f"'{name}'"):
            with_values(options, {name: 3})


def test_event_files_lie_in_the_run_folder(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    asked = TrainOptions(settings=ALGORITHMS["ppo"].config(), out=tmp_path, tensorboard=True)
    (callback,) = resolve(asked, "ppo").callbacks
    assert isinstance(callback, TensorBoard)
    assert callback.folder == tmp_path / "tensorboard"
    assert list(tmp_path.iterdir()) == [], "nothing is written before the run begins"
    assert not resolve(TrainOptions(settings=ALGORITHMS["ppo"].config()), "ppo").callbacks


def test_workers_are_a_setting_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    read = record(capsys, "--set", "workers=process", "--set", "step_timeout_s=2.5")
    assert (read["workers"], read["step_timeout_s"]) == ("process", 2.5)
    assert "process" in fails(capsys, "train", "ppo", "--set", "workers=proces", "--dry-run")
