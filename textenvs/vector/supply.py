"""Where the environments of a vector come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker

from textenvs.core import TextEnv
from textenvs.errors import ConfigError, EnvironmentFaultError
from textenvs.messages import Turn

AnyEnv = gym.Env[Any, Any]
MakeEnv = Callable[[], AnyEnv]
EnvSource = str | MakeEnv | Sequence[AnyEnv]
"""An id, a function that makes an environment, or environments that are made already."""

UNSCORED = "textenvs.vector.supply:unscored"


def unscored(turn: Turn) -> float:
    """Stand in for the reward where turns are only played: the reward itself stays with the parent."""
    raise RuntimeError(f"turn {turn.index} of {turn.task_id} is scored in the parent, not by its worker")


@dataclass(frozen=True)
class EnvMaker:
    """Makes environments from an id or a specification: a function that travels to another process.

    Attributes:
        env: what `gymnasium.make` takes.
        kwargs: for the environment.
    """

    env: str | EnvSpec
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __call__(self) -> AnyEnv:
        """Make one."""
        return gym.make(self.env, disable_env_checker=True, **self.kwargs)


class Supply:
    """Makes the environments of a vector, alike but for their items.

    The first one is made at once, so that its spaces and its reward can be looked at, and is the first that is
    handed out.

    Args:
        source: what the user gave.
        kwargs: for `gymnasium.make`, with an id.

    Attributes:
        first: the environment to look at.
        size: how many environments there are; None where there is no end of them.
        splits: whether the parent scores: `TextEnv.advance` is played in the workers, and `reward` asked here.
            So it is for a `TextEnv` that no wrapper changes. Any other environment is stepped whole, and so are
            environments that were made already: their rewards may differ.

    Raises:
        ConfigError: if there is no environment, or `kwargs` come without an id.
    """

    def __init__(self, source: EnvSource, kwargs: Mapping[str, Any] | None = None) -> None:
        if kwargs and not isinstance(source, str):
            raise ConfigError(f"env_kwargs={dict(kwargs)} need an environment's id; this environment is already made")
        self._given: list[AnyEnv] = []
        self._make: MakeEnv | None = None
        if isinstance(source, str):
            self._make = EnvMaker(source, dict(kwargs or {}))
        elif callable(source):
            self._make = source
        else:
            self._given = list(source)
        if not self._given and self._make is None:
            raise ConfigError("the list of environments is empty; give at least one, or a function that makes one")
        self.first = self._given[0] if self._make is None else self._make()
        self.size = None if self._make else len(self._given)
        self._unused: AnyEnv | None = self.first
        self.splits = self._make is not None and _is_plain(self.first)

    def take(self) -> AnyEnv:
        """Hand out an environment that nobody has."""
        if self._make is None:
            if not self._given:
                raise EnvironmentFaultError("the environment that was given is lost, and no other can be made")
            return self._given.pop(0)
        env, self._unused = self._unused, None
        return env or self._make()

    def give_back(self, env: AnyEnv) -> None:
        """Take back an environment that has failed: another is made in its place, where that can be done."""
        if self._make is None:
            self._given.append(env)
        else:
            env.close()

    def recipe(self) -> MakeEnv:
        """Return what another process makes its environment from.

        A worker that only plays is not given the reward, so that whatever the reward imports stays out of it.

        Raises:
            ConfigError: if the environments are made already.
        """
        if self._make is None:
            raise ConfigError("an environment that is already made cannot move to a worker process; give its id")
        if not isinstance(self._make, EnvMaker) or self.first.spec is None:
            return self._make
        spec = self.first.spec
        reward = {"reward": UNSCORED} if self.splits and "reward" in spec.kwargs else {}
        return EnvMaker(replace(spec, kwargs={**spec.kwargs, **reward}))

    def close(self) -> None:
        """Close the environments that nobody has."""
        for env in [*self._given, *([self._unused] if self._unused else [])]:
            env.close()
        self._given, self._unused = [], None


def _is_plain(env: AnyEnv) -> bool:
    """Return whether it is a `TextEnv` around which nothing changes what it does."""
    while isinstance(env, OrderEnforcing | PassiveEnvChecker):
        env = env.env
    return isinstance(env, TextEnv)
