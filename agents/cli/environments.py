"""Environments by id, with errors that help: used by every command that plays or trains."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

import gymnasium as gym

from textenvs import spec
from textenvs.core import TextEnv
from textenvs.errors import UsageError, check_known

LISTING = "textenvs list"


def settings_of(env_id: str) -> dict[str, inspect.Parameter]:
    """Return the settings that an environment takes, by name."""
    return spec.settings_of(spec.find_spec(env_id))


def check_settings(env_id: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings that the environment does not take, before anything is built.

    Raises:
        UnknownNameError: naming the nearest ones.
    """
    valid = settings_of(env_id)
    for name in settings:
        check_known(f"setting of {env_id}", name, valid, f"textenvs show {env_id}")


def make_text_env(env_id: str, settings: Mapping[str, Any]) -> TextEnv:
    """Make one environment for a person to look at.

    Raises:
        UsageError: if the id or a setting does not exist, or it is no text environment.
    """
    creator = spec.creator_of(spec.find_spec(env_id))
    if not (isinstance(creator, type) and issubclass(creator, TextEnv)):
        raise UsageError(f"{env_id} is no text environment; {LISTING} names those that are")
    check_settings(env_id, settings)
    env = gym.make(env_id, disable_env_checker=True, **settings).unwrapped
    return cast(TextEnv, env)
