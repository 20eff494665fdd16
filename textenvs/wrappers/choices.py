"""A text environment as a small one: a few named moves to choose from, and numbers to choose by.

For those who need a strategy and no language model: any learner of Gymnasium's `Discrete` and `Box` spaces, such as
stable-baselines3's, can play it as it is. The numbers hold what an agent that listens can know, never the hidden truth.
"""

from __future__ import annotations

import operator
from typing import Any, SupportsIndex

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from textenvs.errors import ConfigError
from textenvs.menus import menu_of

Features = NDArray[np.float32]


class Choices(gym.Wrapper[Features, Any, Any, Any], RecordConstructorArgs):
    """Turns a text environment into ``Discrete(k)`` over named moves, with numeric features as observations.

    Reward, info, `oracle_action` and all else are those of the environment.

    Args:
        env: a text environment whose family has a menu, such as ``DialogueStrategy-v0``.

    Attributes:
        menu: the moves and features.

    Raises:
        ConfigError: if the environment has no menu.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)  # pyright: ignore[reportUnknownMemberType]
        self.menu = menu_of(env.unwrapped)
        self.action_space = gym.spaces.Discrete(len(self.menu.moves))
        self.observation_space = gym.spaces.Box(0.0, 1.0, (len(self.menu.features),), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Features, dict[str, Any]]:
        """Begin an episode; see `TextEnv.reset`."""
        _, info = self.env.reset(seed=seed, options=options)
        return self._look(), info

    def step(self, action: SupportsIndex) -> tuple[Features, float, bool, bool, dict[str, Any]]:
        """Play a move.

        Args:
            action: its number, from 0.

        Raises:
            ConfigError: if there is no such move.
        """
        number = operator.index(action)
        if not 0 <= number < len(self.menu.moves):
            raise ConfigError(f"move {number}: there are the moves 0 to {len(self.menu.moves) - 1}")
        _, reward, terminated, truncated, info = self.env.step(self.menu.say(number))
        return self._look(), float(reward), terminated, truncated, info

    def _look(self) -> Features:
        return np.asarray(self.menu.look(), dtype=np.float32)
