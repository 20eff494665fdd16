"""``textenvs algos``: every algorithm and every relative has its page."""

from __future__ import annotations

import dataclasses
import json

import pytest

from agents.algorithms.config import TrainConfig
from agents.algorithms.grpo import ALGORITHM as GRPO
from agents.algorithms.registry import ALGORITHMS
from agents.cli import main
from agents.cli.algos import _short
from agents.cli.settings import settings_of
from tests.agents.cli.test_cli import fails


def page(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["algos", *args]) == 0
    return capsys.readouterr().out


def test_the_list_has_algorithms_and_relatives(capsys: pytest.CaptureFixture[str]) -> None:
    lines = page(capsys).splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(ALGORITHMS)
    assert {"dr_grpo", "dapo", "gspo", "cispo"} <= {line.split()[0] for line in lines if line.startswith(" ")}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_page_says_what_is_computed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    algorithm, shown = ALGORITHMS[name], page(capsys, "show", name)
    assert algorithm.paper in shown
    assert all(line in shown for line in algorithm.equations)
    assert f"textenvs train {name}" in shown
    words, shared = " ".join(shown.split()), {field.name for field in dataclasses.fields(TrainConfig)}
    assert f"Tested against: {algorithm.oracle}" in words
    for setting in settings_of(algorithm.config()).values():
        if setting.name.split(".")[0] not in shared:
            assert f" {setting.name} {' '.join(setting.help.split())} (default: {setting.value})" in words


def test_a_relative_shows_what_it_sets(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(capsys, "show", "dapo")
    assert shown.startswith("DAPO")
    assert "--set loss_type=dapo" in shown


@pytest.mark.parametrize("name", ["dr_grpo", "dapo", "gspo", "cispo"])
def test_the_command_that_a_relative_shows_sets_all_that_it_names(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = page(capsys, "show", name).splitlines()[-1].partition("textenvs ")[2]
    assert main([*command.split(), "--dry-run"]) == 0
    record = json.loads(capsys.readouterr().out)
    (settings,) = (given for title, given in GRPO.variants.items() if _short(title) == name)
    given = dataclasses.asdict(GRPO.config(**settings))
    assert {field: record[field] for field in given} == given


def test_dapo_is_the_papers(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(capsys, "show", "dapo")
    for setting in ("clip_range_high=0.28", "filters.mask_overlong=true", "filters.resample_rounds=10"):
        assert f"--set {setting}" in shown


def test_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert "'grpo'" in fails(capsys, "algos", "show", "grp")
    assert "name the algorithm" in fails(capsys, "algos", "show")
    assert "list" in fails(capsys, "algos", "sow")
