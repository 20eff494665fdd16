"""A model of stable-baselines3 as a policy that can be evaluated: it plays its own view, and is judged on the text."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.rollout.sampling import stream_key
from agents.sb3.policy import LanguageModelActorCritic
from agents.sb3.views import token_view
from textenvs.errors import ConfigError, UsageError, check_known
from textenvs.wrappers import Choices

View = Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]

LIBRARIES = ("stable_baselines3", "sb3_contrib")
"""Where algorithms come from."""


class SB3Agent:
    """Any model of stable-baselines3 or sb3-contrib: ``evaluate(SB3Agent(model), "DialogueStrategy-v0")``.

    Args:
        model: trained or loaded.
        view: what makes the environment that the model knows from a text environment: `Choices`, or a `token_view` with
            its settings, as in training.

    Attributes:
        model: that acts.
    """

    def __init__(self, model: BaseAlgorithm, view: View = Choices) -> None:
        self.model = model
        self._view = view

    @classmethod
    def load(cls, path: str | Path, algorithm: str, *, max_new_tokens: int = 64, device: str | None = None) -> Self:
        """Load a file that stable-baselines3 wrote.

        Such a file holds pickled objects, which can run code when they are loaded: load none that you do not trust.

        Args:
            path: of the file.
            algorithm: its name, such as ``"PPO"`` or ``"MaskablePPO"``; the file does not say it.
            max_new_tokens: longest turn of a model that acts on tokens.
            device: such as ``"cpu"``; stable-baselines3's choice, if not given.

        Raises:
            UsageError: if there is no such file, or it holds no model of this algorithm.
            UnknownNameError: if there is no such algorithm.
        """
        made = algorithms()
        check_known("algorithm of stable-baselines3", algorithm, made)
        if not Path(path).is_file():
            raise UsageError(f"no file {str(path)!r}; give one that stable-baselines3's save() wrote")
        try:
            model = made[algorithm].load(path, device=device or "auto")
        except (AttributeError, AssertionError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise UsageError(f"{str(path)!r} holds no model of {algorithm}: {error}") from error
        return cls(model, view_of(model, max_new_tokens))

    def view(self, env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
        """Return the environment as the model knows it.

        Raises:
            ConfigError: if the model was trained with other actions or observations.
        """
        seen = self._view(env)
        for what in ("action_space", "observation_space"):
            theirs, ours = getattr(self.model, what), getattr(seen, what)
            if theirs != ours:
                raise ConfigError(f"the model was trained with {what} {theirs}, and here it is {ours}")
        return seen

    def actor(self, view: gym.Env[Any, Any], *, deterministic: bool, seed: int) -> Callable[[Any], Any]:
        """Return what plays one episode: from observations of the view to its actions.

        Args:
            view: what `view` returned; it tells which actions are allowed.
            deterministic: take the likeliest action; otherwise sample.
            seed: of the sampling noise.
        """
        takes_masks = "action_masks" in inspect.signature(self.model.predict).parameters
        masked = takes_masks and view.has_wrapper_attr("action_masks")
        state: Any = None
        steps = 0

        def act(observation: Any) -> Any:
            nonlocal state, steps
            extra = {"action_masks": view.get_wrapper_attr("action_masks")()} if masked else {}
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(stream_key(seed, steps))
                action, state = self.model.predict(
                    observation, state=state, episode_start=np.array([steps == 0]), deterministic=deterministic, **extra
                )
            steps += 1
            return action

        return act


def algorithms() -> dict[str, type[BaseAlgorithm]]:
    """Return the algorithms that are installed, by name."""
    found: dict[str, type[BaseAlgorithm]] = {}
    for library in LIBRARIES:
        try:
            module = importlib.import_module(library)
        except ImportError:
            continue
        members = {name: getattr(module, name) for name in module.__all__}
        found |= {n: one for n, one in members.items() if isinstance(one, type) and issubclass(one, BaseAlgorithm)}
    return found


def view_of(model: BaseAlgorithm, max_new_tokens: int) -> View:
    """Return the view that a loaded model acts on: tokens where a language model acts, else choices."""
    if not isinstance(model.policy, LanguageModelActorCritic):
        return Choices
    space = model.observation_space
    ids = space["ids"] if isinstance(space, spaces.Dict) else space
    return partial(
        token_view,
        policy=model.policy.language_model,
        max_new_tokens=max_new_tokens,
        context_length=(ids.shape or (0,))[0],
        form="dict" if isinstance(space, spaces.Dict) else "box",
    )
