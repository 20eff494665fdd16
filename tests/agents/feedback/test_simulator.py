"""Users whose wishes are known: the naive mean is wrong, and the estimators find the true value, over many seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from agents.feedback.estimators import examination
from agents.feedback.events import Impression
from agents.feedback.off_policy import OffPolicyConfig, PolicyValue, evaluate_offline
from agents.feedback.simulator import DAY_S, NOW, Simulator, SimulatorConfig
from agents.feedback.store import Interaction, Store
from tests.agents.feedback.records import event, shown
from textenvs.errors import ConfigError

SEEDS = 40
FEWEST = 33
"""Of 40 intervals at 95 % fewer cover their value once in a thousand times."""
IMPRESSIONS = 250
LOOKS = (1.0, 0.6, 0.3)
ESTIMATES = ("ips", "clipped", "snips", "doubly_robust")


def context(impression: Impression) -> str:
    return impression.conversation[-1].content


def as_is(value: float) -> float:
    return value


@dataclass(frozen=True)
class Case:
    """A difficulty, how the estimators meet it, and how they fail if they do not."""

    world: SimulatorConfig
    reading: OffPolicyConfig
    careless: OffPolicyConfig
    true: Callable[[float], float] = as_is


CASES = {
    "position bias": Case(SimulatorConfig(), OffPolicyConfig(examination=LOOKS), OffPolicyConfig()),
    "noise": Case(
        SimulatorConfig(false_positive=0.05, false_negative=0.4),
        OffPolicyConfig(examination=LOOKS, false_positive=0.05, false_negative=0.4),
        OffPolicyConfig(examination=LOOKS),
    ),
    "selection": Case(
        SimulatorConfig(thumbs=(0.9, 0.5, 0.2)),
        OffPolicyConfig(rewards={"thumb": 1.0}, silence="missing", stratum=context),
        OffPolicyConfig(rewards={"thumb": 1.0}, silence="zero"),
        true=lambda value: 2 * value - 1,
    ),
    "delay": Case(
        SimulatorConfig(delay_s=DAY_S / 2),
        OffPolicyConfig(examination=LOOKS, window_s=DAY_S / 2),
        OffPolicyConfig(examination=LOOKS),
    ),
    "adversaries": Case(
        SimulatorConfig(adversaries=2, adversary_share=0.3, users=200),
        OffPolicyConfig(examination=LOOKS, one_vote=True),
        OffPolicyConfig(examination=LOOKS),
    ),
}


def measured(case: Case, reading: OffPolicyConfig, seeds: int = SEEDS) -> Iterator[tuple[PolicyValue, float]]:
    for seed in range(seeds):
        simulator = Simulator(case.world, seed)
        policy = simulator.softmax_policy(3.0)
        log = simulator.interactions(IMPRESSIONS)
        yield evaluate_offline(log, simulator.target(policy), reading, NOW), case.true(simulator.true_value(policy))


@pytest.mark.parametrize("name", CASES)
def test_the_estimators_recover_the_true_value_and_the_naive_mean_does_not(name: str) -> None:
    covered = dict.fromkeys((*ESTIMATES, "naive", "coverage"), 0)
    for found, value in measured(CASES[name], CASES[name].reading):
        for estimate in covered:
            interval = getattr(found, estimate)
            covered[estimate] += interval.low <= (1.0 if estimate == "coverage" else value) <= interval.high
    assert {estimate: n for estimate, n in covered.items() if n < FEWEST and estimate != "naive"} == {}
    assert covered["naive"] < SEEDS / 2


@pytest.mark.parametrize("name", CASES)
def test_each_remedy_is_needed(name: str) -> None:
    case, bias = CASES[name], {}
    for reading in (case.reading, case.careless):
        errors = [found.snips.estimate - value for found, value in measured(case, reading, seeds=12)]
        bias[reading is case.reading] = abs(float(np.mean(errors)))
    assert bias[True] < 0.06
    assert bias[False] > 0.1


def test_propensities_are_those_of_the_draw() -> None:
    simulator = Simulator(SimulatorConfig(contexts=1), 0)
    counts = dict.fromkeys(range(5), 0)
    stated: dict[int, float] = {}
    for interaction in simulator.interactions(4000):
        for candidate in interaction.impression.candidates:
            answer = int(candidate.text.split()[1])
            counts[answer] += 1
            stated[answer] = candidate.propensity
    assert sum(stated.values()) == pytest.approx(3)
    for answer, n in counts.items():
        assert n / 4000 == pytest.approx(stated[answer], abs=0.035)


def test_examination_is_found_where_the_order_is_random_and_only_there() -> None:
    found = {}
    for shuffled in (True, False):
        simulator = Simulator(SimulatorConfig(sharpness=2.0, shuffled=shuffled), 3)
        simulator.quality = np.argsort(np.argsort(simulator._liking, axis=1), axis=1) / 5 + 0.1
        rows = [
            (any(event.positions == (position,) for event in interaction.events), position)
            for interaction in simulator.interactions(3000)
            for position in range(3)
        ]
        clicks, positions = np.array(rows).T
        found[shuffled] = examination(clicks.astype(float), positions.astype(np.intp))
    assert found[True] == pytest.approx(LOOKS, abs=0.06)
    assert found[False][2] < 0.2


def test_the_order_of_candidates_matters_to_nothing_but_their_positions() -> None:
    simulator = Simulator(SimulatorConfig(), 0)
    policy = simulator.target(simulator.softmax_policy(1.0))
    (interaction,) = simulator.interactions(1)
    for order in permutations(range(3)):
        shuffled = tuple(interaction.impression.candidates[place] for place in order)
        impression = interaction.impression.model_copy(update={"candidates": shuffled})
        assert list(policy(impression)) == [policy(interaction.impression)[place] for place in order]


def test_what_comes_after_the_window_is_not_counted() -> None:
    impression = shown(answers=("a",))
    log = [Interaction(impression, (event("click", position=0, time=impression.time + 100),))]
    now = impression.time + 1000
    earned = {
        window: evaluate_offline(log, lambda _: [1.0], OffPolicyConfig(window_s=window), now).ips.estimate
        for window in (50.0, 200.0)
    }
    assert earned == {50.0: 0.0, 200.0: 1.0}


def test_a_log_survives_the_store(tmp_path: Path) -> None:
    simulator = Simulator(SimulatorConfig(thumbs=(0.5, 0.5, 0.5)), 0)
    log = list(simulator.interactions(50))
    store = Store(tmp_path / "f.db", clock=lambda: NOW)
    store.append([record for interaction in log for record in (interaction.impression, *interaction.events)])
    assert list(store.interactions()) == log
    store.close()


def test_what_the_log_does_not_show_is_noticed() -> None:
    simulator = Simulator(SimulatorConfig(shown=1, examination=(1.0,)), 0)
    policy = simulator.softmax_policy(3.0)
    covered = list(simulator.interactions(1000))
    blind = [interaction for interaction in covered if interaction.impression.candidates[0].text != "answer 0"]
    reading = OffPolicyConfig()
    whole, part = (evaluate_offline(log, simulator.target(policy), reading, NOW) for log in (covered, blind))
    assert whole.coverage.low < 1 < whole.coverage.high
    assert not part.coverage.low < 1 < part.coverage.high


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"examination": (1.0, 0.0)}, "examination"),
        ({"examination": (1.0,), "silence": "missing"}, "clicks"),
        ({"false_positive": 0.1, "rewards": {"thumb": 1.0}}, "outcomes of 0 and 1"),
        ({"clip": 0.0}, "clip"),
    ],
)
def test_settings_that_contradict_each_other(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        replace(OffPolicyConfig(), **settings)  # type: ignore[arg-type]


def test_what_cannot_be_evaluated_is_refused() -> None:
    log = list(Simulator(SimulatorConfig(), 0).interactions(3))
    with pytest.raises(ConfigError, match="3 probabilities"):
        evaluate_offline(log, lambda impression: [0.5], OffPolicyConfig(), NOW)
    with pytest.raises(ConfigError, match="sum to at most 1"):
        evaluate_offline(log, lambda impression: [0.5, 0.5, 0.5], OffPolicyConfig(), NOW)
    with pytest.raises(ConfigError, match="no impression"):
        evaluate_offline(log, lambda impression: [0.0] * 3, OffPolicyConfig(window_s=DAY_S * 2), NOW)
    empty: list[Interaction] = []
    with pytest.raises(ConfigError, match="no impression"):
        evaluate_offline(empty, lambda impression: [], OffPolicyConfig(), NOW)
    with pytest.raises(ConfigError, match="thumbs"):
        SimulatorConfig(thumbs=(0.5,))
    with pytest.raises(ConfigError, match="shown"):
        SimulatorConfig(shown=6)
