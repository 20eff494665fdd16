"""What the adapters share: somebody's game as a text environment, with its randomness kept in a box.

Most games draw from the global generators of Python and numpy. Here each episode has states of its own for both: they
are put in place while the game moves and taken out again, so that the same item is the same game in any company.
"""

from __future__ import annotations

import abc
import copy
import importlib
import random
import textwrap
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from textenvs.core import TextEnv
from textenvs.episode import Outcome
from textenvs.errors import ConfigError, check_known
from textenvs.messages import Message, Stop, Turn
from textenvs.rewards import Reward, RewardFunction, WeightedSum
from textenvs.rewards.spec import RewardSpec
from textenvs.seeding import SPLITS, Split, item_generator
from textenvs.settlement import RewardTiming

SEEDS = 1 << 32
"""How many seeds there are: numpy's global generator takes no others."""

REASON = 300
"""Most characters of a package's own words in an error of ours: some print whole manuals."""

_GENERATORS = threading.RLock()
"""Held while the global generators are a game's, so that two threads never mix theirs."""


class GameStep(NamedTuple):
    """What a game did with one action.

    Attributes:
        text: what it says, ``""`` where nothing.
        reward: of this action.
        ended: whether the game is over.
        success: whether it was won; only where it is over.
        invalid: whether the action was no move of the game.
    """

    text: str
    reward: float
    ended: bool
    success: bool = False
    invalid: bool = False


class Game(Protocol):
    """One game being played; `copy.deepcopy` gives an independent one at the same point."""

    def begin(self, seed: int) -> str:
        """Begin the game of this seed, and return what the player is told."""
        ...

    def step(self, action: str) -> GameStep:
        """Play an action; any text has an outcome."""
        ...

    def solution(self) -> str | None:
        """Return the best action at this point, or None where nobody knows it."""
        ...

    def content(self) -> str:
        """Return a canonical text of the task, hidden parts included."""
        ...


def library(module: str, env_id: str, extra: str) -> Any:
    """Import somebody's package when it is needed.

    Args:
        module: of it.
        env_id: what needs it.
        extra: of ours that brings it.

    Raises:
        ConfigError: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"{env_id} needs {error.name}: pip install 'textenvs[{extra}]'") from None


class GameTruth(NamedTuple):
    """What the reward of a turn needs.

    Attributes:
        reward: that the game itself gave.
    """

    reward: float


def game_reward(turn: Turn) -> float:
    """Return the reward that the game itself gave."""
    return turn.truth.reward


class Chance:
    """The states of the global generators as one game left them.

    Args:
        seed: of both, in [0, `SEEDS`).
    """

    def __init__(self, seed: int) -> None:
        self._python = random.Random(seed).getstate()  # noqa: S311
        self._numpy: Any = np.random.RandomState(seed).get_state()

    @contextmanager
    def held(self) -> Generator[None]:
        """Let the global generators be the game's own within the block."""
        with _GENERATORS:
            outside: Any = random.getstate(), np.random.get_state()  # noqa: NPY002
            random.setstate(self._python)
            np.random.set_state(self._numpy)  # noqa: NPY002
            try:
                yield
            finally:
                self._python, self._numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
                random.setstate(outside[0])
                np.random.set_state(outside[1])  # noqa: NPY002


@dataclass
class GameEpisode:
    """One game as an episode.

    Attributes:
        task_id: name of the item.
        game: that is played.
        chance: its randomness.
        question: what the player is told first.
        instruction: nothing; the game says it in the question.
        tools: none.
    """

    task_id: str
    game: Game
    chance: Chance
    question: str
    instruction: str = ""
    tools: tuple[str, ...] = ()

    @classmethod
    def begin(cls, task_id: str, make: Callable[[], Game], seed: int) -> GameEpisode:
        """Make the game of a seed."""
        chance = Chance(seed)
        with chance.held():
            game = make()
            question = game.begin(seed)
        return cls(task_id, game, chance, question)

    @property
    def opening(self) -> tuple[Message, ...]:
        """What the player is told."""
        return (Message("user", self.question),)

    def act(self, action: str) -> Outcome:
        """Move the game."""
        with self.chance.held():
            step = self.game.step(action)
        replies = (Message("user", step.text),) if step.text else ()
        stop = Stop.RUNNING if not step.ended else Stop.SUCCESS if step.success else Stop.FAILURE
        return Outcome(replies, GameTruth(step.reward), stop, step.ended and step.success, step.invalid)

    def oracle(self) -> str:
        """Return the best action, ``""`` where nobody knows it."""
        with self.chance.held():
            return self.game.solution() or ""

    def content(self) -> str:
        """Return the task."""
        return self.game.content()

    def fork(self) -> GameEpisode:
        """Return an independent copy."""
        return copy.deepcopy(self)


class GameEnv(TextEnv, abc.ABC):
    """A text environment that plays other people's games; an item is a seed, and the splits share none.

    Attributes:
        origin: whose games they are, in words; what an unknown name is said not to be.

    Args:
        game: its name, one of `names`.
        split: see `TextEnv`, like the rest.
        reward: the default is the game's own, under the name ``"game"``.
        reward_timing: when it is paid.
        render_mode: of Gymnasium.

    Raises:
        UsageError: if there is no such game, it cannot begin, or its package is not installed.
    """

    oracle_is_certain: ClassVar[bool] = False
    origin: ClassVar[str]

    def __init__(
        self,
        *,
        game: str = "",
        split: Split = "train",
        reward: RewardSpec | None = None,
        reward_timing: RewardTiming = "turn",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, reward=reward, reward_timing=reward_timing, render_mode=render_mode)
        check_known(self.origin, game, self.names())
        self._name = game
        self.make_episode(0)

    @classmethod
    @abc.abstractmethod
    def names(cls) -> Sequence[str]:
        """Return the names of all games.

        Raises:
            ConfigError: if the package is not installed.
        """

    @abc.abstractmethod
    def make_game(self) -> Game:
        """Return a new game."""

    def make_episode(self, index: int) -> GameEpisode:
        """Return the item `index`, ready to be played.

        Raises:
            ConfigError: if the game cannot begin: some need data or keys that are not here.
        """
        task_id = f"{self.family}/{self._name}/{self.split}/{index}"
        try:
            return GameEpisode.begin(task_id, self.make_game, self.seed_of(index))
        except Exception as error:
            reason = textwrap.shorten(str(error).strip("* \n"), REASON, placeholder=" …")
            raise ConfigError(f"{self._name!r} cannot begin: {type(error).__name__}: {reason}") from error

    def seed_of(self, index: int) -> int:
        """Return the seed of an item, a random number: to their packages, neighbouring seeds are related."""
        drawn = item_generator(f"{self.family}|{self._name}", self.split, index).integers(SEEDS // len(SPLITS))
        return int(drawn) * len(SPLITS) + SPLITS.index(self.split)

    def parts(self) -> Mapping[str, RewardFunction]:
        """Return the game's own reward, by the name ``"game"``."""
        return {"game": game_reward}

    def default_reward(self) -> Reward:
        """Return the game's own reward."""
        return WeightedSum(self.parts())
