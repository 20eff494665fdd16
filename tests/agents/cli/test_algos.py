"""``textenvs algos``: every algorithm and every relative has its page."""

from __future__ import annotations

import dataclasses

import pytest

from agents.algorithms.registry import ALGORITHMS
from agents.cli import main
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
    own = {f.name for f in dataclasses.fields(algorithm.config)} - {"learning_rate", "seed"}
    assert any(f"  {setting} " in shown for setting in own)


def test_a_relative_shows_what_it_sets(capsys: pytest.CaptureFixture[str]) -> None:
    shown = page(capsys, "show", "dapo")
    assert shown.startswith("DAPO")
    assert "--set loss_type=dapo" in shown


def test_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert "'grpo'" in fails(capsys, "algos", "show", "grp")
    assert "name the algorithm" in fails(capsys, "algos", "show")
    assert "list" in fails(capsys, "algos", "sow")
