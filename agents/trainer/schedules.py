"""Learning-rate schedules: pure functions of the update."""

from __future__ import annotations

import math

from agents.algorithms.config import LRSchedule


def learning_rate(kind: LRSchedule, peak: float, update: int, total: int, warmup: int) -> float:
    """Return the learning rate of an update.

    It rises linearly over `warmup` updates (the first already moves), and then stays, or falls so that the update
    after the last would have 0.

    Args:
        kind: the shape after the warm-up.
        peak: the highest rate.
        update: counted from 0.
        total: updates in the whole run.
        warmup: updates until the peak.
    """
    if update < warmup:
        return peak * (update + 1) / warmup
    done = min(1.0, (update - warmup) / max(1, total - warmup))
    match kind:
        case "constant":
            return peak
        case "linear":
            return peak * (1 - done)
        case "cosine":
            return peak * 0.5 * (1 + math.cos(math.pi * done))
