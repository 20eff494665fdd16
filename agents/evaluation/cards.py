"""Measuring the card of an environment: its own baselines on held-out items, and the battery of exploits."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym

from agents.evaluation.runner import evaluate
from agents.evaluation.statistics import Interval
from envs_registry.cards import Card, Estimate, Score, WorstExploit
from textenvs import __version__
from textenvs.core import TextEnv
from textenvs.errors import ConfigError
from textenvs.rewards.exploits import MARGIN, Battery, run_battery

ITEMS = 100
"""That every baseline plays."""
ATTACKED = 6
"""Items that every exploit is tried on, in every format."""
DIGITS = 4


def measure_card(
    env_id: str, commit: str, *, split: str = "test", items: int = ITEMS, attacked: int = ATTACKED
) -> Card:
    """Measure an environment at its default settings.

    Args:
        env_id: of a registered text environment.
        commit: that is measured.
        split: of the items.
        items: that every baseline plays.
        attacked: items that every exploit is tried on.

    Raises:
        ConfigError: if the environment is no `TextEnv`, whose baselines and honest answers are known.
    """
    if not isinstance(gym.make(env_id, disable_env_checker=True).unwrapped, TextEnv):
        raise ConfigError(
            f"{env_id} is no textenvs.TextEnv: it has neither baselines nor honest answers to compare with"
        )
    env: Any = gym.make(env_id, disable_env_checker=True, split=split).unwrapped
    return Card(
        env_id,
        split,
        items,
        {name: _score(env_id, name, split, items) for name in env.baselines()},
        _worst(run_battery(env, range(attacked)), attacked),
        __version__,
        commit,
    )


def _score(env_id: str, baseline: str, split: str, items: int) -> Score:
    result = evaluate(baseline, env_id, split=split, episodes=items)
    return Score(_estimate(result.success), _estimate(result.episode_return))


def _estimate(interval: Interval) -> Estimate:
    return Estimate(*(_known(value) for value in (interval.estimate, interval.low, interval.high)))


def _known(value: float) -> float | None:
    return round(value, DIGITS) if math.isfinite(value) else None


def _worst(battery: Battery, items: int) -> WorstExploit | None:
    """Return the cell that came nearest to honesty."""
    tried = [cell for cell in battery.cells.values() if math.isfinite(cell.gap)]
    if not tried:
        return None
    worst = min(tried, key=lambda cell: cell.gap)
    return WorstExploit(
        worst.exploit,
        worst.format,
        worst.language,
        round(worst.worst, DIGITS),
        round(worst.gap, DIGITS),
        cells=len(tried),
        breaches=len(battery.breaches()),
        margin=MARGIN,
        items=items,
    )
