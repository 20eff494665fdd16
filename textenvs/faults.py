"""Fault: the boundary at which something failed. Failures are data; each is counted where it happened."""

from __future__ import annotations

import enum

from textenvs.messages import Stop


class Fault(enum.StrEnum):
    """Where something failed."""

    ENVIRONMENT_RAISED = "environment_raised"
    """`reset` or `step` raised."""
    ENVIRONMENT_TIMED_OUT = "environment_timed_out"
    """`reset` or `step` took longer than the time limit of a step."""
    WORKER_DIED = "worker_died"
    """The process that played the environment ended."""
    REWARD_FAILED = "reward_failed"
    """The reward raised, returned no number, or said itself that it could not score the turn."""
    REWARD_TIMED_OUT = "reward_timed_out"
    """The reward took longer than the time limit of a step."""
    REWARD_NOT_FINITE = "reward_not_finite"
    """The reward was NaN or infinite."""
    GENERATION_FAILED = "generation_failed"
    """The engine gave no usable turn."""
    CONTEXT_FULL = "context_full"
    """The next turn would not have fitted the model's context; the episode counts, as a truncated one."""

    @property
    def stop(self) -> Stop | None:
        """Why the episode ended where this failure ended it; None where the episode still counts."""
        return _STOPS.get(self)


_STOPS = {
    Fault.ENVIRONMENT_RAISED: Stop.ERROR,
    Fault.ENVIRONMENT_TIMED_OUT: Stop.TIMED_OUT,
    Fault.WORKER_DIED: Stop.WORKER_DIED,
    Fault.GENERATION_FAILED: Stop.GENERATION_FAILED,
}

FAILURES = frozenset(_STOPS.values())
"""Why an episode ended that a failure has ended."""
