"""EnvSpecs: found by id, looked into, and written to JSON with an error that says how a reward is named."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Self

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator

from envs_registry.catalog import ENTRIES
from textenvs.errors import UnknownNameError, UsageError


class TextEnvSpec(EnvSpec):
    """An `EnvSpec` whose `to_json` explains itself where the reward is a callable."""

    @classmethod
    def of(cls, spec: EnvSpec) -> Self:
        """Return `spec` as one of these."""
        return cls(**{field.name: getattr(spec, field.name) for field in dataclasses.fields(spec) if field.init})

    def to_json(self) -> str:
        """Return the specification as JSON.

        Raises:
            ValueError: if the reward is, or holds, a callable: JSON has only the string forms.
        """
        _check_jsonable(self.kwargs.get("reward"))
        return super().to_json()


def find_spec(env_id: str, others: Iterable[str] = ()) -> EnvSpec:
    """Return the specification of an id; ``module:Id`` imports the module first, as `gymnasium.make` does.

    Args:
        env_id: the id.
        others: what else the caller would have taken, for the message.

    Raises:
        UnknownNameError: if there is no such id; the message names the nearest, of a module those that it registers.
        UsageError: if the module cannot be imported.
    """
    module, _, name = env_id.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
        return gym.spec(name)
    except gym.error.Error:
        known = [*others, *(_registered_by(module) if module else ())] or [entry.id for entry in ENTRIES]
        raise UnknownNameError.of("environment", env_id, known, "textenvs list") from None
    except ImportError as error:
        raise UsageError(f"environment {env_id!r}: {error}") from None


def _registered_by(module: str) -> list[str]:
    """Return the ids that a module registers, with its name before them."""
    homes = (f"{module}:", f"{module}.")
    return [f"{module}:{env_id}" for env_id, spec in gym.registry.items() if str(spec.entry_point).startswith(homes)]


def creator_of(spec: EnvSpec) -> Any:
    """Return the class, or the function, that makes the environment."""
    entry_point = spec.entry_point
    return load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point


def settings_of(spec: EnvSpec) -> dict[str, inspect.Parameter]:
    """Return the settings that an environment takes, by name."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(creator_of(spec)).parameters
    return {name: parameter for name, parameter in parameters.items() if parameter.kind in named}


def _check_jsonable(reward: object) -> None:
    if reward is None or isinstance(reward, str | Mapping):
        return
    raise ValueError(
        f"reward={_name_of(reward)} is a callable and cannot be written to JSON. Give it by name: "
        f'reward="{_module_of(reward)}:{_name_of(reward)}", '
        'or reward={"coreference": 0.4, "package.module:function": 0.6}.'
    )


def _name_of(reward: object) -> str:
    return getattr(reward, "__name__", type(reward).__name__)


def _module_of(reward: object) -> str:
    return getattr(reward, "__module__", "package.module")
