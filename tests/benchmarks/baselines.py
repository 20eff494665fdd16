"""What the scripted baselines earn on held-out items, by language and difficulty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents import evaluate

ENV_ID = "MultiTurnRewrite-v0"
EPISODES = 300
LEVELS = ("tiny", "easy", "medium", "hard")
BASELINES = ("oracle", "random", "copy", "dump")


def measure() -> Mapping[str, Any]:
    """Return success and mean reward per turn of every baseline, on the test split."""
    figures: dict[str, Any] = {}
    for level in LEVELS:
        for language in ("zh", "en"):
            for name in BASELINES:
                settings = {"difficulty": level, "language": language}
                result = evaluate(name, ENV_ID, env_kwargs=settings, split="test", episodes=EPISODES)
                rewards = [turn.reward for episode in result.episodes for turn in episode.turns]
                success = sum(episode.success for episode in result.episodes) / len(result.episodes)
                figures[f"{level}.{language}.{name}"] = [round(success, 4), round(sum(rewards) / len(rewards), 4)]
    return figures
