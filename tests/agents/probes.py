"""The smallest text environments that can be learned: plain Gymnasium, not TextEnv, so named by seed."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium import spaces

ANSWERS = {"a": str.islower, "b": str.isdigit}
"""What is shown, and what an answer to it must be."""


def observation(instruction: str, *messages: tuple[str, str]) -> dict[str, Any]:
    """Return an observation in the shape that text environments give."""
    history = tuple({"role": role, "content": text, "name": "", "call_id": ""} for role, text in messages)
    return {"instruction": instruction, "tools": (), "history": history}


class Probe(gym.Env[Any, str]):
    """One turn: is the action a lower-case letter, or (where the answer is conditional) a digit when "b" is shown."""

    observation_space = spaces.Dict()
    action_space = spaces.Text(8)

    def __init__(self, conditional: bool) -> None:
        self.conditional = conditional

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        shown = list(ANSWERS)[int(self.np_random.integers(2))]
        self.fits = ANSWERS[shown if self.conditional else "a"]
        self.seen = observation("", ("user", shown))
        return self.seen, {"task_id": shown}

    def step(self, action: str) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = float(action.isascii() and self.fits(action))
        info = {"success": reward, "reward_parts": {"fits": reward}, "reward_valid": 1.0, "invalid_action": 0.0}
        said = {"role": "assistant", "content": action, "name": "", "call_id": ""}
        after = {**self.seen, "history": (*self.seen["history"], said)}
        return after, reward, True, False, {**info, "task_id": "", "stop": "success" if reward else "failure"}
