"""The EnvSpec of a text environment: Gymnasium's, with an error that says how a reward is written to JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Self

from gymnasium.envs.registration import EnvSpec


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
