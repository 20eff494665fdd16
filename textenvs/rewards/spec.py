"""How a reward is named: a callable, ``"pkg.module:function"``, or a mapping of names to weights.

A class stands for what it makes: ``"pkg.module:Class"`` for ``Class()``, and ``"pkg.module:Class:argument"`` for
``Class("argument")``, as in ``"agents.policies.reward_model:RewardModel:runs/rm"``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, cast

from textenvs.errors import RewardSpecError, TextEnvsError, UnknownNameError
from textenvs.rewards.core import Reward, RewardFunction, Scored
from textenvs.rewards.fusion import WeightedSum

RewardSpec = Reward | RewardFunction | str | Mapping[str, float]
"""What ``gym.make(id, reward=...)`` takes."""


def build_reward(spec: RewardSpec, parts: Mapping[str, RewardFunction]) -> Reward:
    """Build the reward that a specification names.

    Args:
        spec: a callable; the name of one of the environment's own parts; ``"pkg.module:function"``, or with the
            argument that it is called with first ``"pkg.module:Class:argument"``; or a mapping from such names to
            weights, which is fused by `WeightedSum`.
        parts: the environment's own parts, by name.

    Raises:
        RewardSpecError: if the specification, or what it names, is no reward.
        UnknownNameError: if a name is neither a part nor ``"pkg.module:function"``.
    """
    if isinstance(spec, Reward):
        return spec
    if isinstance(spec, str):
        return _named(spec, parts)
    if isinstance(spec, Mapping):
        weights = cast("Mapping[Any, Any]", spec)
        for name, weight in weights.items():
            if not isinstance(name, str) or isinstance(weight, bool) or not isinstance(weight, int | float):
                raise RewardSpecError(
                    f"reward={{{name!r}: {weight!r}}}: keys are names of rewards and values are weights, as in "
                    '{"coreference": 0.4, "pkg.module:my_fn": 0.6}'
                )
        return WeightedSum({name: _named(name, parts) for name in weights}, weights)
    if callable(spec):
        return Scored(spec)
    raise RewardSpecError(
        f"reward={spec!r} is a {type(spec).__name__}; give a callable, 'pkg.module:function', or {{name: weight}}"
    )


def _named(name: str, parts: Mapping[str, RewardFunction]) -> Reward:
    if name in parts:
        return Scored(parts[name], name)
    if ":" not in name:
        raise UnknownNameError.of("reward", name, [*parts, "pkg.module:function"])
    *path, argument = (*name.split(":", 2), "")[:3]
    function = import_named(":".join(path))
    if callable(function) and (argument or isinstance(function, type)):
        function = _made(function, (argument,) if argument else (), name)
    if not callable(function):
        raise RewardSpecError(f"reward {name!r} names a {type(function).__name__}, which cannot be called")
    if isinstance(function, Reward):
        return function
    return Scored(cast("RewardFunction", function), getattr(function, "__name__", name) if argument else name)


def _made(make: Callable[..., Any], arguments: tuple[str, ...], name: str) -> Any:
    """Return what a class, or a function of one argument, makes."""
    try:
        return make(*arguments)
    except TextEnvsError:
        raise
    except Exception as error:
        raise RewardSpecError(
            f"reward {name!r} cannot be made ({type(error).__name__}: {error}); "
            "make it in a module of your own and name it there, as in my_module:my_reward"
        ) from error


def import_named(name: str) -> Any:
    """Return the object that ``"pkg.module:attribute"`` names.

    Raises:
        RewardSpecError: if the module cannot be imported.
        UnknownNameError: if the module has no such attribute.
    """
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise RewardSpecError(
            f"{name!r}: the module {module_name!r} cannot be imported ({type(error).__name__}: {error})"
        ) from error
    if not hasattr(module, attribute):
        raise UnknownNameError.of(f"name in {module_name!r}", attribute, [n for n in vars(module) if n[0] != "_"])
    return getattr(module, attribute)
