"""Any environment as one of OpenEnv's, to be served by OpenEnv's own server.

::

    from functools import partial
    from openenv.core.env_server import create_app

    app = create_app(partial(ServedEnvironment, "ToolCall-v0"), Say, Heard)

verifiers (0.4) plays what such a server serves, item by item, by its own ``openenv`` taskset:
``OpenEnvConfig(base_url="http://localhost:8000", resets=[{"index": 0}, {"index": 1}])``.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from textenvs.adapters.games import library

_openenv = library("openenv.core.env_server", "an environment for OpenEnv", "openenv")


class Say(_openenv.Action):
    """What the agent says.

    Attributes:
        text: word for word.
    """

    text: str


class Heard(_openenv.Observation):
    """What the agent sees; `reward` is None where it could not be scored, and ``metadata`` is the info.

    Attributes:
        instruction: what it is told to do.
        tools: JSON Schemas on offer, as JSON text.
        history: the conversation so far, messages with role, content, name and call_id.
    """

    instruction: str = ""
    tools: list[str] = []  # noqa: RUF012 (pydantic copies it)
    history: list[dict[str, str]] = []  # noqa: RUF012


class ServedEnvironment(_openenv.Environment):
    """One environment behind OpenEnv's interface; every session of its server has one of its own.

    Args:
        env_id: of a text environment.
        env_kwargs: for `gymnasium.make`.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, env_id: str, env_kwargs: Mapping[str, Any] | None = None) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._env: gym.Env[Any, str] = gym.make(env_id, disable_env_checker=True, **dict(env_kwargs or {}))
        self._state = _openenv.State()

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, index: int | None = None, **_: object
    ) -> Heard:
        """Begin an episode.

        Args:
            seed: from which the item is drawn.
            episode_id: name of the episode; one is made up, if not given.
            index: names the item instead.
        """
        seen, info = self._env.reset(seed=seed, options=None if index is None else {"index": index})
        self._state = _openenv.State(episode_id=episode_id or str(uuid.uuid4()), task_id=info["task_id"])
        return _heard(seen, None, False, info)

    def step(self, action: Say, timeout_s: float | None = None, **_: object) -> Heard:
        """Play an action; time limits are the server's business."""
        seen, reward, terminated, truncated, info = self._env.step(action.text)
        self._state.step_count += 1
        return _heard(seen, float(reward) if info["reward_valid"] else None, terminated or truncated, info)

    @property
    def state(self) -> Any:
        """Name of the episode and of its item, and how many actions were played."""
        return self._state

    def close(self) -> None:
        """Close the environment."""
        self._env.close()


def _heard(seen: Mapping[str, Any], reward: float | None, done: bool, info: Mapping[str, Any]) -> Heard:
    parts = {name: None if math.isnan(part) else part for name, part in info["reward_parts"].items()}
    return Heard(
        instruction=seen["instruction"],
        tools=list(seen["tools"]),
        history=[dict(message) for message in seen["history"]],
        reward=reward,
        done=done,
        metadata={**info, "reward_parts": parts},
    )
