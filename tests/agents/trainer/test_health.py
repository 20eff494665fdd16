"""Every rule of health fires on a run that is ill with it, and on no run that is well."""

from __future__ import annotations

import json

import pytest

from agents.trainer.health import HealthMonitor
from agents.trainer.health_rules import RULES

SPAN = 3
WELL = {
    "success": 0.5,
    "episode_return": 1.0,
    "flat_groups": 0.3,
    "entropy": 1.0,
    "distinct_answers": 0.9,
    "distinct_2": 0.5,
    "response_tokens": 20.0,
    "kl": 0.02,
    "sampler_gap": 1e-6,
    "explained_variance": 0.4,
    "invalid_action_rate": 0.02,
    "flagged": 0.1,
    "reward/fluency": 0.6,
    "reward/exact": 0.5,
}
Change = dict[str, float]

ILL: dict[str, list[Change]] = {
    "flat groups": [{"flat_groups": 0.8}],
    "entropy collapse": [{"entropy": 0.1}],
    "diversity falls": [{"distinct_answers": 0.3}, {"distinct_2": 0.2}, {"distinct_2": 0.05, "success": 0.6}],
    "length without success": [{"response_tokens": 30.0}, {"response_tokens": 30.0, "success": 0.4}],
    "KL runaway": [{"kl": 0.9}],
    "sampler and trainer differ": [{"sampler_gap": 0.2}],
    "reward hacking": [{"reward/fluency": 0.8, "success": 0.3}],
    "exploit signs": [{"flagged": 0.5}, {"flagged": 0.9, "success": 0.6}],
    "critic worse than a constant": [{"explained_variance": -0.1}],
    "invalid actions": [{"invalid_action_rate": 0.3}],
}
"""What makes a healthy run ill, by the name of the warning."""

NOT_ILL: dict[str, list[Change]] = {
    "flat groups": [{"flat_groups": 0.5}],
    "entropy collapse": [{"entropy": 0.4}, {"entropy": 0.05, "success": 0.9}],
    "diversity falls": [{"distinct_answers": 0.6}, {"distinct_answers": 0.3, "success": 0.9}],
    "length without success": [{"response_tokens": 30.0, "success": 0.6}, {"response_tokens": 22.0}],
    "KL runaway": [{"kl": 0.2}],
    "sampler and trainer differ": [{"sampler_gap": 0.01}, {"sampler_gap": 0.2, "epsilon": 0.1}],
    "reward hacking": [{"reward/fluency": 0.8, "success": 0.6}, {"success": 0.3}],
    "exploit signs": [{"flagged": 0.3}, {"flagged": 0.6, "success": 0.8}],
    "critic worse than a constant": [{"explained_variance": 0.01}],
    "invalid actions": [{"invalid_action_rate": 0.15}],
}
"""What comes near to it, or has a good reason."""


def run(monitor: HealthMonitor, row: Change, updates: int, first: int = 0) -> list[tuple[str, bool]]:
    """Feed equal updates; return which warnings were raised (True) and cleared."""
    events: list[tuple[str, bool]] = []
    for update in range(first, first + updates):
        monitor.observe(update, row)
        assert all(event.update == update for event in monitor.events)
        events += [(event.warning, event.raised) for event in monitor.events]
    return events


def after_change(change: Change) -> list[tuple[str, bool]]:
    monitor = HealthMonitor(span=SPAN)
    assert run(monitor, WELL, 3 * SPAN) == []
    return run(monitor, WELL | change, 2 * SPAN)


def test_every_rule_has_its_cases() -> None:
    assert [rule.name for rule in RULES] == list(ILL) == list(NOT_ILL)


@pytest.mark.parametrize(("name", "change"), [(name, change) for name, changes in ILL.items() for change in changes])
def test_a_rule_fires_once_on_what_it_is_for_and_no_other_does(name: str, change: Change) -> None:
    raised = [warning for warning, is_raised in after_change(change) if is_raised]
    assert raised == [name]


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name, changes in NOT_ILL.items() for change in changes]
)
def test_a_rule_is_silent_where_nothing_is_wrong(name: str, change: Change) -> None:
    assert name not in [warning for warning, _ in after_change(change)]


@pytest.mark.parametrize("change", [{"entropy": 0.01}, {"distinct_answers": 0.2, "distinct_2": 0.01}])
def test_a_solved_task_may_be_done_always_the_same(change: Change) -> None:
    monitor = HealthMonitor(span=SPAN)
    solved = WELL | {"success": 0.99}
    assert run(monitor, WELL, SPAN) + run(monitor, solved, 2 * SPAN) + run(monitor, solved | change, 2 * SPAN) == []


def test_nothing_is_said_before_the_windows_are_full() -> None:
    monitor = HealthMonitor(span=SPAN)
    assert run(monitor, WELL | {"kl": 9.0}, 2 * SPAN - 1) == []
    assert run(monitor, WELL | {"kl": 9.0}, 1) == [("KL runaway", True)]


def test_a_figure_that_wavers_between_the_thresholds_is_not_repeated() -> None:
    monitor = HealthMonitor(span=1)
    run(monitor, WELL, 2)
    events = [run(monitor, WELL | {"kl": kl}, 1) for kl in (0.6, 0.4, 0.6, 0.4, 0.2, 0.4, 0.6)]
    raised, cleared = [("KL runaway", True)], [("KL runaway", False)]
    assert events == [raised, [], [], [], cleared, [], raised]


def test_a_part_that_is_gamed_so_slowly_that_no_stretch_shows_it_is_seen_since_the_start() -> None:
    monitor = HealthMonitor(span=SPAN)
    events: list[tuple[str, bool]] = []
    for update in range(30):
        drift = {"reward/fluency": 0.5 + 0.005 * update, "success": 0.5 - 0.005 * update}
        events += run(monitor, WELL | drift, 1, first=update)
    assert events == [("reward hacking", True)]


def test_what_is_unknown_neither_raises_nor_clears() -> None:
    monitor = HealthMonitor(span=1)
    run(monitor, WELL, 2)
    assert run(monitor, WELL | {"kl": 0.9}, 1) == [("KL runaway", True)]
    assert run(monitor, WELL | {"kl": float("nan")}, 3) == []
    assert monitor.active == ["KL runaway"]
    assert run(HealthMonitor(span=1), {}, 9) == []


def test_the_return_stands_in_where_nobody_says_success() -> None:
    rows = {name: value for name, value in WELL.items() if name != "success"}
    monitor = HealthMonitor(span=SPAN)
    run(monitor, rows, 3 * SPAN)
    longer = rows | {"response_tokens": 40.0}
    assert run(monitor, longer | {"episode_return": 2.0}, 1) == []
    assert ("length without success", True) in run(monitor, longer | {"episode_return": 0.5}, SPAN)


def test_every_warning_says_what_is_wrong_and_what_helps() -> None:
    monitor = HealthMonitor(span=1)
    run(monitor, WELL, 2)
    monitor.observe(7, WELL | {"invalid_action_rate": 0.25})
    (event,) = monitor.events
    assert event.as_dict() == {
        "update": 7,
        "warning": "invalid actions",
        "raised": True,
        "message": "the environment calls 25% of the actions malformed",
        "remedy": event.remedy,
    }
    assert "--init sft" in event.remedy


def test_a_restored_monitor_goes_on_the_same() -> None:
    one, two = HealthMonitor(span=SPAN), HealthMonitor(span=SPAN)
    run(one, WELL, 2 * SPAN)
    run(one, WELL | {"kl": 0.9}, SPAN)
    two.restore(json.loads(json.dumps(one.state())))
    assert two.active == one.active == ["KL runaway"]
    assert two.events == one.events
    later = {**WELL, "entropy": 0.01}
    assert run(two, later, 2 * SPAN) == run(one, later, 2 * SPAN)
    assert two.state() == one.state()
