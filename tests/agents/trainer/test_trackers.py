"""Metrics leave the house: to any tracker through a function, and as TensorBoard event files."""

from __future__ import annotations

import builtins
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agents import PPO, Callback
from agents.trainer.callbacks import MetricsFeed, TensorBoard
from tests.agents.build import tiny_policy
from tests.agents.probes import PROBES
from textenvs.errors import UsageError

SMALL: dict[str, Any] = {"n_episodes_per_update": 8, "max_new_tokens": 2}


def learn(callback: Callback, run_dir: Path, updates: int = 2) -> list[dict[str, Any]]:
    agent = PPO(tiny_policy(), PROBES["conditional"].env, run_dir=run_dir, **SMALL)
    agent.learn(8 * updates, callback=callback)
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def test_a_tracker_gets_what_the_run_folder_gets(tmp_path: Path) -> None:
    told: list[tuple[Mapping[str, float], int]] = []
    lines = learn(MetricsFeed(lambda metrics, update: told.append((metrics, update))), tmp_path)
    assert [update for _, update in told] == [line["update"] for line in lines] == [0, 1]
    for (metrics, _), line in zip(told, lines, strict=True):
        assert metrics == {name: value for name, value in line.items() if value is not None}


def test_tensorboard_reads_back_what_was_written(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    lines = learn(TensorBoard(tmp_path / "events"), tmp_path)
    events = accumulator.EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    for name in ("episode_return", "entropy"):
        scalars = events.Scalars(name)
        assert [event.step for event in scalars] == [0, 1]
        assert all(math.isclose(e.value, line[name], rel_tol=1e-6) for e, line in zip(scalars, lines, strict=True))


def test_without_tensorboard_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "torch.utils.tensorboard":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"textenvs\[tensorboard\]"):
        TensorBoard(tmp_path)
