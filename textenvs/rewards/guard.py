"""Asking a reward of anybody's making: whatever it raises, its turns are missing and all else goes on."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from textenvs.faults import Fault
from textenvs.messages import Turn
from textenvs.rewards.core import Reward, Score

logger = logging.getLogger("textenvs.rewards")


def ask(reward: Reward, turns: Sequence[Turn]) -> Sequence[Score]:
    """Return one score per turn, in order; all of them are missing where the reward raises."""
    try:
        return reward.score_batch(turns)
    except Exception as error:
        logger.warning("the reward failed on %d turns: %s: %s", len(turns), type(error).__name__, error)
        return [Score.missing(reward.part_names, Fault.REWARD_FAILED) for _ in turns]
