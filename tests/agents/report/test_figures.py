"""Figures: seeds become one curve with an interval, settings become several, and the file is what it says."""

from __future__ import annotations

import builtins
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.cli import main
from agents.evaluation.statistics import mean_interval
from agents.report.figures import curves, draw
from agents.report.run_folder import RunData, read_run
from textenvs.errors import UnknownNameError, UsageError


def run(algorithm: str, seed: int, values: list[float | None], step: int = 8, **settings: Any) -> RunData:
    config = {"algorithm": algorithm, "seed": seed, "sft": {"rows": 8}, **settings}
    metrics = [{"update": i, "episodes": step * (i + 1), "success": value} for i, value in enumerate(values)]
    return RunData(f"{algorithm}-{seed}", config, metrics, [], [], [], {})


def test_seeds_become_one_curve_with_their_interval() -> None:
    values = [[0.1, 0.2, 0.6], [0.3, 0.2, 0.8], [0.2, 0.5, 0.7]]
    (curve,) = curves([run("ppo", seed, list(row)) for seed, row in enumerate(values)], "success")
    assert (curve.seeds, curve.x) == (3, [8, 16, 24])
    assert list(curve.intervals) == [mean_interval(column) for column in np.array(values).T]


def test_settings_become_curves_of_their_own_named_by_what_differs() -> None:
    one = [run("ppo", seed, [0.1, 0.2], kl_coef=0.1) for seed in (0, 1)]
    two = [run("grpo", 0, [0.1, 0.2], kl_coef=0.0, sft={"rows": 16})]
    assert [(c.label, c.seeds) for c in curves([*one, *two], "success")] == [
        ("ppo, sft.rows=8, kl_coef=0.1", 2),
        ("grpo, sft.rows=16, kl_coef=0.0", 1),
    ]
    assert [c.label for c in curves(one[:1], "success")] == ["ppo-0"]


def test_runs_of_other_lengths_and_places_are_brought_together() -> None:
    long, short = run("ppo", 0, [0.0, 0.2, 0.4, 0.6], step=8), run("ppo", 1, [0.4, 0.8], step=12)
    (curve,) = curves([long, short], "success")
    assert curve.x == [12, 24]
    assert [one.estimate for one in curve.intervals] == pytest.approx([(0.1 + 0.4) / 2, (0.4 + 0.8) / 2])


def test_what_is_missing_is_left_out() -> None:
    (curve,) = curves([run("ppo", 0, [None, 0.2, None, 0.4])], "success")
    assert curve.x == [16, 32]
    assert math.isnan(curve.intervals[0].low), "one seed says nothing about the spread"
    assert curves([run("ppo", 0, [None]), run("grpo", 0, [0.5])], "success")[0].label == "grpo"
    with pytest.raises(UnknownNameError, match="did you mean 'success'"):
        curves([run("ppo", 0, [0.1])], "sucess")


@pytest.mark.parametrize("form", ["pdf", "png", "svg"])
def test_the_command_writes_a_figure(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    folders = [tmp_path / f"run{seed}" for seed in range(3)]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"algorithm": "ppo", "seed": seed, "name": "$x^2$\u202e"}))
        rows = [{"episodes": 8 * i, "success": i / 10, "kl": 0.1 * seed} for i in range(5)]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / f"figure.{form}"
    assert main(["plot", *map(str, folders), "--metrics", "success", "kl", "--out", str(out), "--smooth", "0.5"]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    first = out.read_bytes()
    assert first.startswith({"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}[form])
    draw([read_run(folder) for folder in folders], ["success", "kl"], out, weight=0.5)
    assert out.read_bytes() == first, "the same runs give the same file"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "name the runs"),
        (["nowhere"], "no run folder"),
        (["RUN", "--out", "figure.doc"], ".pdf, .png, .svg"),
        (["RUN", "--smooth", "1"], "[0, 1)"),
        (["RUN", "--metrics", "sucess"], "'success'"),
    ],
)
def test_mistakes_are_one_line(args: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "metrics.jsonl").write_text('{"episodes": 8, "success": 0.5}\n')
    assert main(["plot", *(str(tmp_path) if arg == "RUN" else arg for arg in args)]) == 2
    assert words in capsys.readouterr().err


def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"textenvs\[plot\]"):
        draw([run("ppo", 0, [0.1])], ["success"], tmp_path / "figure.png")
