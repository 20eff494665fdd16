"""When a run has learned what it will: the rule, the memory and the callback."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agents import PPO, Convergence, HeldOutEvaluation
from agents.trainer.agent import Agent
from agents.trainer.convergence import BEST, HeldOutHistory, HeldOutReturn, is_flat
from tests.agents.build import tiny_policy
from tests.agents.probes import PROBES
from textenvs.errors import ConfigError


@dataclass(frozen=True)
class Fixed:
    """A figure with an interval of 0.1 on both sides."""

    estimate: float

    @property
    def low(self) -> float:
        return self.estimate - 0.1

    @property
    def high(self) -> float:
        return self.estimate + 0.1


def history(*estimates: float) -> list[HeldOutReturn]:
    return [HeldOutReturn(place, e, Fixed(e).low, Fixed(e).high) for place, e in enumerate(estimates)]


@pytest.mark.parametrize(
    ("estimates", "patience", "flat"),
    [
        ((0.5, 0.55, 0.45), 2, True),
        ((0.5, 0.55), 2, False),  # too few to say
        ((0.0, 0.5, 0.55, 0.45), 2, True),  # only the last stretch counts
        ((0.5, 0.58, 0.66), 2, False),  # a slow rise that has left the interval it began in
        ((0.5, 0.7, 0.5), 2, False),  # it moved, and came back
        ((0.5, 0.3, 0.3), 2, False),  # a fall is a change too
        ((0.5, float("nan"), 0.5), 2, False),
    ],
)
def test_flat_is_within_the_interval_it_began_in(estimates: tuple[float, ...], patience: int, flat: bool) -> None:
    assert is_flat(history(*estimates), patience) is flat


def test_the_memory_knows_the_best_and_replaces_what_is_measured_again() -> None:
    memory = HeldOutHistory()
    answers = [memory.add(HeldOutReturn(update, value, 0.0, 1.0)) for update, value in ((2, 0.3), (4, 0.5), (6, 0.5))]
    assert answers == [True, True, False]
    assert not memory.add(HeldOutReturn(6, 0.4, 0.0, 1.0))
    other = HeldOutHistory()
    other.restore(json.loads(json.dumps(memory.state())))
    assert [one.estimate for one in other.returns] == [0.3, 0.5, 0.4]


class Script:
    """Measures what it is told to."""

    def __init__(self, *estimates: float) -> None:
        self.estimates = list(estimates)
        self.updates: list[int] = []

    def __call__(self, agent: Agent) -> Fixed:
        self.updates.append(agent.trainer.update)
        return Fixed(self.estimates[len(self.updates) - 1])


def ppo(tmp_path: Path | None = None, **convergence: Any) -> PPO:
    settings: dict[str, Any] = {"n_episodes_per_update": 4, "max_new_tokens": 1, "learning_rate": 1e-3}
    return PPO(
        tiny_policy(),
        lambda: PROBES["constant"].env(),
        run_dir=tmp_path,
        convergence=Convergence(**convergence),
        **settings,
    )


def test_a_flat_return_ends_the_run_and_the_best_agent_stays(tmp_path: Path) -> None:
    measure = Script(0.2, 0.9, 0.85, 0.95, 0.1)
    agent = ppo(tmp_path, every=2, patience=2)
    agent.learn(4 * 20, callback=HeldOutEvaluation(measure))
    assert measure.updates == [2, 4, 6, 8]
    assert PPO.load(tmp_path / BEST, lambda: PROBES["constant"].env()).trainer.update == 8
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line.get("held_out_return") for line in lines] == [None, 0.2, None, 0.9, None, 0.85, None, 0.95]
    assert [line["converged"] for line in lines[1::2]] == [0, 0, 0, 1]
    assert lines[3]["held_out_low"] == pytest.approx(0.8)


def test_without_patience_the_run_goes_on_and_its_end_is_measured() -> None:
    measure = Script(0.5, 0.5, 0.5)
    ppo(every=2).learn(4 * 5, callback=HeldOutEvaluation(measure))
    assert measure.updates == [2, 4, 5]


def test_evaluations_without_somebody_who_measures_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"convergence\.every=2 needs a measurement"):
        ppo(every=2).learn(4)


def test_without_the_setting_nothing_is_measured() -> None:
    measure = Script()
    ppo().learn(8, callback=HeldOutEvaluation(measure))
    assert measure.updates == []
