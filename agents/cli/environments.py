"""Environments by id, with errors that help: used by every command that plays or trains."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator

from envs_registry import CATALOG
from textenvs.core import TextEnv
from textenvs.errors import UnknownNameError, UsageError

LISTING = "textenvs list"


def find_spec(env_id: str) -> EnvSpec:
    """Return the specification of an id; ``module:Id`` imports the module first, as in Gymnasium.

    Raises:
        UnknownNameError: if there is no such id.
    """
    try:
        return gym.spec(env_id)
    except gym.error.Error:
        raise UnknownNameError.of("environment", env_id, [entry.id for entry in CATALOG], LISTING) from None
    except ModuleNotFoundError as error:
        raise UsageError(f"environment {env_id!r}: {error}") from None


def settings_of(env_id: str) -> dict[str, inspect.Parameter]:
    """Return the settings that an environment takes, by name."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(_creator(env_id)).parameters
    return {name: parameter for name, parameter in parameters.items() if parameter.kind in named}


def check_settings(env_id: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings that the environment does not take, before anything is built.

    Raises:
        UnknownNameError: naming the nearest ones.
    """
    valid = settings_of(env_id)
    for name in settings:
        if name not in valid:
            raise UnknownNameError.of(f"setting of {env_id}", name, valid, f"textenvs show {env_id}")


def make_text_env(env_id: str, settings: Mapping[str, Any]) -> TextEnv:
    """Make one environment for a person to look at.

    Raises:
        UsageError: if the id or a setting does not exist, or it is no text environment.
    """
    creator = _creator(env_id)
    if not (isinstance(creator, type) and issubclass(creator, TextEnv)):
        raise UsageError(f"{env_id} is no text environment; {LISTING} names those that are")
    check_settings(env_id, settings)
    env = gym.make(env_id, disable_env_checker=True, **settings).unwrapped
    return cast(TextEnv, env)


def _creator(env_id: str) -> Any:
    """Return the class, or the function, that makes the environment."""
    entry_point = find_spec(env_id).entry_point
    return load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
