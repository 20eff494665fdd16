"""A slow judge holds up only its own environment: five times the throughput of a barrier, measured in one run."""

from __future__ import annotations

from tests.benchmarks.vector import rate, slow_environments, slow_turns

SECONDS = 1.0


def test_where_two_environments_are_slow_the_others_do_not_wait() -> None:
    barrier = rate(slow_environments, barrier=True, seconds=SECONDS)
    assert rate(slow_environments, seconds=SECONDS) >= 5 * barrier


def test_where_one_turn_in_ten_is_slow_the_world_does_not_wait() -> None:
    barrier = rate(slow_turns, barrier=True, seconds=SECONDS)
    assert rate(slow_turns, early=True, seconds=SECONDS) >= 5 * barrier
