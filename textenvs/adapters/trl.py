"""Any environment as TRL's ``environment_factory``: the model speaks to it by calling one tool, `say`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym

from textenvs.errors import ConfigError
from textenvs.messages import Message

OVER = "The conversation has ended."
"""What `Conversation.say` returns when there is nobody left to speak to."""


class Conversation:
    """One environment as TRL's `GRPOTrainer` wants it: ``environment_factory=lambda: Conversation("ToolCall-v0")``.

    TRL makes every public method a tool, calls `reset` with the fields of a row before each rollout, and `get_reward`
    after it. A row names its item in a column ``index``; so all rollouts of a row play the same one. What the model
    writes beside its calls of the tool is not heard.

    Args:
        env_id: of a text environment.
        env_kwargs: for `gymnasium.make`.
    """

    def __init__(self, env_id: str, env_kwargs: Mapping[str, Any] | None = None) -> None:
        self._env: gym.Env[Any, str] = gym.make(env_id, disable_env_checker=True, **dict(env_kwargs or {}))
        self._heard = 0
        self._ended = True
        self._reward = 0.0
        self._valid = True

    def reset(self, *, index: int, **row: object) -> str:
        """Begin the item of a row.

        Args:
            index: of the item.
            row: the other columns; they play no part.

        Returns:
            Instruction, tools and the conversation so far, which TRL appends to the row's prompt.
        """
        seen, _ = self._env.reset(options={"index": index})
        self._heard, self._ended, self._reward, self._valid = len(seen["history"]), False, 0.0, True
        return "\n\n".join(filter(None, (seen["instruction"], *seen["tools"], _read(seen["history"]))))

    def say(self, text: str) -> str:
        """Say something in the conversation and hear what is answered.

        Args:
            text: What to say, word for word.

        Returns:
            The answer.
        """
        if self._ended:
            return OVER
        seen, reward, terminated, truncated, info = self._env.step(str(text))
        history: Sequence[Message] = seen["history"]
        answer = _read(history[self._heard + 1 :])
        self._heard, self._ended = len(history), terminated or truncated
        self._reward += float(reward)
        self._valid &= bool(info["reward_valid"])
        return answer or OVER

    def get_reward(self) -> float | None:
        """Return what was earned in all; None, which TRL leaves out, where a part of it could not be scored."""
        return self._reward if self._valid else None


def rows(env_id: str, count: int, env_kwargs: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the first items of an environment as rows of a `train_dataset`.

    Args:
        env_id: of a text environment.
        count: how many items; a finite corpus has no more than it has.
        env_kwargs: for `gymnasium.make`.

    Raises:
        ConfigError: if there are none.
    """
    if count < 1:
        raise ConfigError(f"count={count}: at least one row")
    size = getattr(gym.make(env_id, disable_env_checker=True, **dict(env_kwargs or {})).unwrapped, "n_items", None)
    items = range(count if size is None else min(count, size))
    return [{"prompt": [{"role": "user", "content": ""}], "index": index} for index in items]


def _read(messages: Sequence[Message]) -> str:
    """Return messages as text; who speaks is said where it is not the user."""
    return "\n".join(f"[{m.role}] {m.content}" if m.role != "user" else m.content for m in messages)
