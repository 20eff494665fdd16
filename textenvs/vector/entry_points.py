"""What `gymnasium.make_vec` calls: one entry point for every id, by the id's own name.

Gymnasium tells a vector entry point the settings and not the id. So ``entry_points:MultiTurnRewrite-v0`` is a function
that knows it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from textenvs.vector.env import TextVectorEnv
from textenvs.vector.workers import WorkerKind


def make_vector(
    env_id: str,
    num_envs: int = 1,
    *,
    workers: WorkerKind = "inline",
    step_timeout_s: float | None = None,
    **env_kwargs: Any,
) -> TextVectorEnv:
    """Make a vector of one id's environments.

    Args:
        env_id: of the environment.
        num_envs: how many.
        workers: see `TextVectorEnv`.
        step_timeout_s: see `TextVectorEnv`.
        env_kwargs: for `gymnasium.make`.
    """
    return TextVectorEnv(env_id, num_envs, workers=workers, step_timeout_s=step_timeout_s, env_kwargs=env_kwargs)


def __getattr__(env_id: str) -> Callable[..., TextVectorEnv]:
    """Return the entry point of an id."""
    if env_id.startswith("__"):
        raise AttributeError(env_id)
    return functools.partial(make_vector, env_id)
