"""The loop's features at work: exploration, filters, curriculum, health; and the same run again after a stop."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from agents import GRPO, PPO, Callback, Curriculum, Exploration, Filters, Importance, KLControl
from agents.trainer.agent import Agent
from agents.trainer.health import _NAMES
from tests.agents.build import tiny_policy
from tests.agents.probes import PROBES, ProbeEnv
from tests.chaos.kills import TIMES

SMALL: dict[str, Any] = {"n_episodes_per_update": 16, "max_new_tokens": 2, "learning_rate": 1e-3}
ONE_STEP: dict[str, Any] = {"n_epochs": 1, "n_minibatches": 1}


class Rows(Callback):
    """Keeps the metrics; stops after some updates."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.rows: list[dict[str, float]] = []
        self.stop_at = stop_at

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> bool:
        self.rows.append({name: value for name, value in metrics.items() if name not in TIMES})
        return len(self.rows) != self.stop_at

    def column(self, name: str) -> list[float]:
        return [row[name] for row in self.rows]


def probe() -> ProbeEnv:
    return PROBES["conditional"].env()


def learned(agent: Agent, updates: int, **options: Any) -> Rows:
    rows = Rows(**options)
    agent.learn(updates * agent.settings.n_episodes_per_update, callback=rows)
    return rows


def test_the_temperature_moves_and_every_turn_is_scored_at_its_own() -> None:
    agent = PPO(
        tiny_policy(), probe, temperature=1.5, exploration=Exploration(final_temperature=0.5), **SMALL, **ONE_STEP
    )
    rows = learned(agent, 5)
    assert rows.column("temperature") == pytest.approx([1.5, 1.25, 1.0, 0.75, 0.5])
    assert max(rows.column("sampler_gap_max")) < 1e-5
    assert rows.column("ratio_max") == pytest.approx([1.0] * 5, abs=1e-5)


@pytest.mark.parametrize("level", ["token", "sequence"])
def test_epsilon_shows_in_the_importance_weight_and_not_in_the_ratio(level: Any) -> None:
    settings = {
        "exploration": Exploration(epsilon=0.3, epsilon_top_k=2),
        "importance": Importance(cap=1.2, level=level),
    }
    rows = learned(PPO(tiny_policy(), probe, **settings, **SMALL, **ONE_STEP), 3)
    assert min(rows.column("sampler_gap")) > 0.1
    assert rows.column("ratio_max") == pytest.approx([1.0] * 3, abs=1e-5)
    assert all(0 < weight < 1.2 for weight in rows.column("importance"))


def test_the_entropy_bonus_is_steered() -> None:
    exploration = Exploration(entropy_target=1e-3, entropy_step=0.004)
    rows = learned(PPO(tiny_policy(), probe, entropy_coef=0.01, exploration=exploration, **SMALL), 5)
    assert rows.column("entropy_coef") == pytest.approx([0.01, 0.006, 0.002, 0.0, 0.0])


def test_silent_groups_are_replaced_and_counted() -> None:
    settings: dict[str, Any] = {**SMALL, "max_new_tokens": 1, "group_size": 4}
    plain = learned(GRPO(tiny_policy(), probe, **settings), 3)
    filled = learned(GRPO(tiny_policy(), probe, filters=Filters(resample_rounds=3), **settings), 3)
    assert plain.column("replaced_groups") == [0, 0, 0]
    assert plain.column("episodes") == [16, 32, 48]
    assert filled.rows[0]["flat_groups"] == plain.rows[0]["flat_groups"] > 0
    assert filled.rows[0]["replaced_groups"] >= 4 * filled.rows[0]["flat_groups"]
    played = [16 + 4 * replaced for replaced in filled.column("replaced_groups")]
    assert filled.column("episodes") == [sum(played[: update + 1]) for update in range(3)]
    assert filled.column("dropped_episodes") == [0, 0, 0]


def test_turns_that_the_token_limit_cut_are_not_trained_on() -> None:
    settings = {**SMALL, **ONE_STEP}
    plain = learned(PPO(tiny_policy(), probe, **settings), 1).rows[0]
    masked = learned(PPO(tiny_policy(), probe, filters=Filters(mask_overlong=True), **settings), 1).rows[0]
    assert plain["cut_rate"] == masked["cut_rate"] > 0
    cut_tokens = 16 * plain["cut_rate"] * 2
    assert masked["trained_tokens"] == plain["trained_tokens"] - cut_tokens
    assert masked["overlong_tokens"] == plain["overlong_tokens"] == cut_tokens


def test_a_curriculum_is_told_of_every_success() -> None:
    agent = GRPO(tiny_policy(), probe, group_size=4, curriculum=Curriculum(boost=4.0, pool=6), **SMALL)
    rows = learned(agent, 6)
    curriculum = agent.trainer.rollouts.draws.curriculum
    assert curriculum is not None
    assert set(curriculum.success) == set(curriculum.pool)
    assert all(0 <= share <= 1 for share in rows.column("curriculum_in_band"))


class Malformed(ProbeEnv):
    """Calls every action malformed."""

    def step(self, action: str) -> Any:
        *rest, info = super().step(action)
        return *rest, {**info, "invalid_action": 1.0}


def test_a_warning_is_logged_and_written_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    agent = PPO(tiny_policy(), lambda: Malformed(PROBES["constant"]), run_dir=tmp_path, **SMALL)
    rows = learned(agent, 13)
    lines = [json.loads(line) for line in (tmp_path / "health.jsonl").read_text().splitlines()]
    (line,) = [line for line in lines if line["warning"] == "invalid actions"]
    assert (line["update"], line["raised"]) == (9, True)
    told = [record.getMessage() for record in caplog.records if "invalid actions" in record.getMessage()]
    assert told == ["update 9, invalid actions: the environment calls 100% of the actions malformed. " + line["remedy"]]
    assert rows.column("warnings")[:9] == [0] * 9
    assert min(rows.column("warnings")[9:]) >= 1


def test_health_watches_what_a_run_measures() -> None:
    """Under a name that no run knows a rule would be silent for ever."""
    settings: dict[str, Any] = {
        "kl_coef": 0.1,
        "group_size": 4,
        "exploration": Exploration(epsilon=0.1),
        "importance": Importance(cap=2.0),
    }
    (row,) = learned(PPO(tiny_policy(), probe, **settings, **SMALL), 1).rows
    assert {name for name in _NAMES if not math.isfinite(row.get(name, math.nan))} == set()


def everything(tmp_path: Path | None = None) -> GRPO:
    return GRPO(
        tiny_policy(),
        probe,
        run_dir=tmp_path,
        group_size=4,
        kl_coef=0.05,
        entropy_coef=0.01,
        lr_schedule="low_and_slow",
        temperature=1.2,
        kl_control=KLControl(target=0.01, horizon=50),
        importance=Importance(cap=2.0, level="sequence"),
        exploration=Exploration(epsilon=0.1, final_temperature=0.8, entropy_target=2.0),
        filters=Filters(mask_overlong=True, resample_rounds=2),
        curriculum=Curriculum(boost=5.0, pool=8),
        **SMALL,
    )


def test_a_run_with_every_feature_goes_on_bit_by_bit_after_a_stop(tmp_path: Path) -> None:
    whole, rows = everything(), Rows()
    whole.learn(12 * 16, callback=rows)
    half = everything(tmp_path / "run")
    half.learn(12 * 16, callback=Rows(stop_at=7)).save(tmp_path / "half")
    resumed, rest = GRPO.load(tmp_path / "half", probe, run_dir=tmp_path / "run"), Rows()
    resumed.learn(12 * 16, callback=rest, resume=True)
    assert str(rest.rows) == str(rows.rows[7:])
    for (name, one), (_, two) in zip(
        resumed.policy.trainable_parameters(), whole.policy.trainable_parameters(), strict=True
    ):
        assert torch.equal(one, two), name
    assert resumed.trainer.saved.parts == whole.trainer.saved.parts
