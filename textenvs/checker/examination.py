"""Examination: one environment and what was seen of it, played once and shared by all rules."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Mapping
from functools import cached_property
from types import ModuleType
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from textenvs.checker.hostile import HOSTILE
from textenvs.checker.plays import Play, Say, play
from textenvs.checker.rule import NotOfferedError
from textenvs.checker.testimony import Testimony, hear
from textenvs.core import TextEnv
from textenvs.errors import UsageError
from textenvs.rewards.spec import import_named
from textenvs.seeding import Split
from textenvs.spec import TextEnvSpec, creator_of, find_spec

Target = str | type[gym.Env[Any, Any]] | EnvSpec
"""What can be examined: an id, ``"module:Class"``, ``"module:Id-v0"``, a class, or a specification."""

COUNTER = "a counter"
"""The policy that says the number of its turn."""

_NAME = "Examined-v0"


class Examination:
    """One environment under examination. What rules share is played once, when it is first needed.

    Rewards are paid turn by turn unless the settings say otherwise, so that there is something to see at every turn.

    Args:
        target: what to examine; see `Target`.
        env_kwargs: its settings.
        items: how many items each policy plays.
        draws: how many items are drawn to see whether they repeat.

    Raises:
        UsageError: if there is no such environment, or a class cannot be found by its name.
    """

    def __init__(
        self, target: Target, env_kwargs: Mapping[str, Any] | None = None, *, items: int = 12, draws: int = 500
    ) -> None:
        if items < 2 or draws < 2:
            raise UsageError(f"items={items}, draws={draws}: both must be at least 2")
        self.spec = spec_of(target, env_kwargs or {})
        if self.takes("reward_timing"):
            self.spec.kwargs.setdefault("reward_timing", "turn")
        self.items = items
        self.draws = draws
        self._drawn: dict[tuple[int, Split], tuple[str, ...]] = {}

    def takes(self, setting: str) -> bool:
        """Return whether the environment takes a setting of this name."""
        parameters = inspect.signature(creator_of(self.spec)).parameters
        return setting in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())

    def make(self, **settings: Any) -> gym.Env[Any, Any]:
        """Make the environment, without the wrappers around it.

        Args:
            settings: beside those of the examination.

        Raises:
            NotOfferedError: if it does not take one of them.
        """
        for name in settings:
            if not self.takes(name):
                raise NotOfferedError(f"the environment takes no {name}=")
        return gym.make(self.spec, disable_env_checker=True, **settings).unwrapped

    def make_text_env(self, **settings: Any) -> TextEnv:
        """Make the environment, which has to be a `TextEnv`.

        Raises:
            NotOfferedError: if it is none.
        """
        env = self.make(**settings)
        if not isinstance(env, TextEnv):
            raise NotOfferedError("the environment is no TextEnv")
        return env

    def play(self, policy: str, index: int, **settings: Any) -> Play:
        """Play an item in an environment of its own."""
        env = self.make(**settings)
        return play(env, policy, policies(env)[policy], index)

    @cached_property
    def plays(self) -> tuple[Play, ...]:
        """Every policy on every item, one environment for each policy; and one episode of every hostile action."""
        env = self.make()
        played = [play(env, name, say, index) for name, say in policies(env).items() for index in range(self.items)]
        return (*played, *self.hostile_plays)

    @cached_property
    def hostile_plays(self) -> tuple[Play, ...]:
        """One episode of every hostile action, said again and again."""
        env = self.make()
        return tuple(
            play(env, f"the action {name!r}", functools.partial(_say, text), place)
            for place, (name, text) in enumerate(HOSTILE.items())
        )

    @cached_property
    def n_items(self) -> int | None:
        """How many items a split has; None where there is no end of them."""
        return getattr(self.make_text_env(), "n_items", None)

    def drawn(self, seed: int, split: Split = "train") -> tuple[str, ...]:
        """Return the hashes of items drawn one after the other: as many as asked for, or as there are.

        Raises:
            NotOfferedError: if the environment is no `TextEnv`, or takes no split.
        """
        if (seed, split) not in self._drawn:
            env = self.make_text_env(split=split)
            size = getattr(env, "n_items", None)
            env.reset(seed=seed)
            hashes = [env.item_hash()]
            for _ in range((self.draws if size is None else min(self.draws, size)) - 1):
                env.reset()
                hashes.append(env.item_hash())
            self._drawn[seed, split] = tuple(hashes)
        return self._drawn[seed, split]

    @cached_property
    def testimony(self) -> Testimony:
        """What another process saw, under another hash seed.

        Raises:
            NotOfferedError: if the settings cannot be told to another process.
        """
        try:
            spec = self.spec.to_json()
        except (TypeError, ValueError) as error:
            raise NotOfferedError(f"the settings cannot be told to another process: {error}") from error
        return hear(spec, self.items)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Hashes of the episodes that processes compare: those of a policy that counts."""
        return tuple(self.play(COUNTER, index).fingerprint for index in range(self.items))


def policies(env: gym.Env[Any, Any]) -> dict[str, Say]:
    """Return what plays an environment: its baselines, if it has an oracle that too, and one that counts."""
    found: dict[str, Say] = {COUNTER: lambda observation, turn: str(turn)}
    if isinstance(env, TextEnv):
        for name, baseline in env.baselines().items():
            found[name] = lambda observation, turn, baseline=baseline: baseline(observation)
    return found


def spec_of(target: Target, env_kwargs: Mapping[str, Any]) -> EnvSpec:
    """Return a specification by which the target can be made, here and in another process.

    Raises:
        UsageError: if there is none.
    """
    found = target if isinstance(target, EnvSpec) else _find(target)
    kwargs = {**found.kwargs, **env_kwargs}
    entry_point = found.entry_point
    named = _name_of(entry_point) if isinstance(entry_point, type) else None
    return TextEnvSpec(found.id, entry_point=named or entry_point, kwargs=kwargs)


def _find(target: str | type[gym.Env[Any, Any]]) -> EnvSpec:
    if isinstance(target, type):
        if not (name := _name_of(target)):
            raise UsageError(f"another process cannot find {target.__qualname__}: define it at the top of a module")
        return EnvSpec(_NAME, entry_point=name)
    module, colon, name = target.partition(":")
    if not colon:
        return find_spec(target)
    home = _module(module)
    if hasattr(home, name):
        return EnvSpec(_NAME, entry_point=target)
    classes = [other for other, value in vars(home).items() if isinstance(value, type) and issubclass(value, gym.Env)]
    return find_spec(target, [f"{module}:{other}" for other in classes])


def _name_of(target: type[Any]) -> str | None:
    """Return the name by which another process finds a class; None if it would not."""
    name = f"{target.__module__}:{target.__qualname__}"
    return None if "." in target.__qualname__ or import_named(name) is not target else name


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UsageError(f"the module {name!r} cannot be imported: {error}") from None


def _say(text: str, observation: object, turn: int) -> str:
    return text
