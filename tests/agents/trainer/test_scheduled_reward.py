"""Weights that move with training, in a real run: parts fuse to the reward of every update, before and after a stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents import PPO
from tests.agents.build import tiny_policy
from tests.agents.trainer.test_agent import SMALL, Recorder
from tests.toy import EchoEnv, brief
from textenvs.messages import Turn
from textenvs.rewards import Schedule

UPDATES = 5
EPISODES = UPDATES * SMALL["n_episodes_per_update"]


def length(turn: Turn) -> float:
    return float(len(turn.action))


def scheduled() -> EchoEnv:
    """First it pays for what is brief, in the end for what is long."""
    points = {"brief": [(0.0, 1.0), (1.0, 0.0)], "length": [(0.0, 0.0), (1.0, 2.0)]}
    return EchoEnv(reward=Schedule({"brief": brief, "length": length}, points))


def test_weights_move_with_training_and_go_on_after_a_stop(tmp_path: Path) -> None:
    whole, half, rest = Recorder(), Recorder(stop_at=2), Recorder()
    PPO(tiny_policy(), scheduled, **SMALL).learn(EPISODES, callback=whole)
    PPO(tiny_policy(), scheduled, **SMALL).learn(EPISODES, callback=half).save(tmp_path / "half")
    PPO.load(tmp_path / "half", scheduled).learn(EPISODES, callback=rest, resume=True)
    found = [*half.metrics, *rest.metrics]
    assert [len(half.metrics), len(found)] == [2, UPDATES]
    for update, metrics in enumerate(found):
        progress = update / (UPDATES - 1)
        fused = (1.0 - progress) * metrics["reward/brief"] + 2.0 * progress * metrics["reward/length"]
        assert metrics["reward"] == pytest.approx(fused, abs=1e-9)
        assert metrics["reward/length"] != metrics["reward/brief"]
    assert [metrics["reward"] for metrics in found] == [metrics["reward"] for metrics in whole.metrics]
