"""Learning-rate schedules: pure functions of the update."""

from __future__ import annotations

import math

from agents.algorithms.config import LRSchedule

_SLOW_WARMUP = 0.2
"""Share of a low-and-slow run that is warm-up."""
_SLOW_START = _SLOW_END = 0.1
"""Where a low-and-slow run begins and ends, as shares of its peak."""


def learning_rate(kind: LRSchedule, peak: float, update: int, total: int, warmup: int | None) -> float:
    """Return the learning rate of an update.

    It rises linearly over `warmup` updates (the first already moves), and then stays, or falls so that the update
    after the last would have 0.

    ``low_and_slow`` is for a policy that comes from supervised fine-tuning and shall not forget it while a fresh
    critic and a fresh optimiser are still wrong: it rises over the first fifth of the run unless `warmup` says
    otherwise, from a tenth of the peak, and then falls along a cosine to a tenth of it. The peak is to be low too: a
    tenth of the fine-tuning's or less. Source of the shape: Ouyang et al. 2022, "Training language models to follow
    instructions with human feedback", appendix C, which warms PPO up from a tenth of the peak and lets the cosine of
    its fine-tuning end at a tenth.

    Args:
        kind: the shape after the warm-up.
        peak: the highest rate.
        update: counted from 0.
        total: updates in the whole run.
        warmup: updates until the peak; None for the shape's own.
    """
    start, end = (_SLOW_START, _SLOW_END) if kind == "low_and_slow" else (0.0, 0.0)
    if warmup is None:
        warmup = round(_SLOW_WARMUP * total) if kind == "low_and_slow" else 0
    if update < warmup:
        return peak * (start + (1 - start) * (update + 1) / warmup)
    done = min(1.0, (update - warmup) / max(1, total - warmup))
    return peak * (end + (1 - end) * _remaining(kind, done))


def _remaining(kind: LRSchedule, done: float) -> float:
    """Return how much of the way from peak to end is left, 1 to 0, when the share `done` of the fall has passed."""
    match kind:
        case "constant":
            return 1.0
        case "linear":
            return 1 - done
        case "cosine" | "low_and_slow":
            return 0.5 * (1 + math.cos(math.pi * done))
