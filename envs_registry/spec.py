"""The EnvSpec of a text environment: Gymnasium's, with an error that says how a reward is written to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from gymnasium.envs.registration import EnvSpec


class TextEnvSpec(EnvSpec):
    """An `EnvSpec` whose `to_json` explains itself where the reward is a callable."""

    def to_json(self) -> str:
        """Return the specification as JSON.

        Raises:
            ValueError: if the reward is, or holds, a callable: JSON has only the string forms.
        """
        _check_jsonable(self.kwargs.get("reward"))
        return super().to_json()


def _check_jsonable(reward: Any) -> None:
    if reward is None or isinstance(reward, str):
        return
    if isinstance(reward, Mapping) and all(isinstance(name, str) for name in cast("Mapping[Any, Any]", reward)):
        return
    given = getattr(reward, "__name__", None) or repr(reward)
    raise ValueError(
        f"reward={given} is a callable and cannot be written to JSON. Give it by name: "
        f'reward="{getattr(reward, "__module__", "package.module")}:{given}", '
        'or reward={"coreference": 0.4, "package.module:function": 0.6}.'
    )
