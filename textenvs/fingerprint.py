"""Fingerprints of episodes: two processes that play the same items must get the same ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

import gymnasium as gym

PERSISTENCE = 8
"""Turns after which an episode of nonsense is left alone."""


def fingerprints(env_id: str, env_kwargs: dict[str, Any], episodes: int) -> list[str]:
    """Return a hash of everything that each episode shows to a policy that says the number of its turn.

    An environment that raises shows the name of its error.

    Args:
        env_id: of a registered environment; ``module:Id`` imports the module first, in a fresh process too.
        env_kwargs: its settings.
        episodes: how many, with the seeds from 0.
    """
    env = gym.make(env_id, disable_env_checker=True, **env_kwargs)
    try:
        return [_fingerprint(env, seed) for seed in range(episodes)]
    finally:
        env.close()


def _fingerprint(env: gym.Env[Any, Any], seed: int) -> str:
    shown: list[Any] = []
    try:
        shown.append(env.reset(seed=seed))
        for turn in range(PERSISTENCE):
            shown.append(env.step(str(turn)))
            if shown[-1][2] or shown[-1][3]:
                break
    except Exception as error:
        shown.append(type(error).__name__)
    return hashlib.sha256(json.dumps(shown, default=_plain, sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> object:
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else repr(value)
