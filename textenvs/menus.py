"""Menus: the few named moves of a family, for those who decide without writing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from textenvs.core import Baseline, Observation
from textenvs.errors import ConfigError
from textenvs.seeding import generator_of


class Menu(Protocol):
    """What there is to choose from at every point of a family's episodes, and what to choose by."""

    @property
    def moves(self) -> Sequence[str]:
        """The names of the moves; always the same ones."""
        ...

    @property
    def features(self) -> Sequence[str]:
        """The names of the numbers; always the same ones."""
        ...

    def look(self) -> Sequence[float]:
        """Return the numbers of the point at which the episode is, each in [0, 1]."""
        ...

    def say(self, move: int) -> str:
        """Return the text that plays the move with this number here."""
        ...


@runtime_checkable
class HasMenu(Protocol):
    """A text environment that can be played by choosing."""

    def menu(self) -> Menu:
        """Return the menu, which follows the environment's episodes."""
        ...


def menu_of(env: object) -> Menu:
    """Return the menu of an environment.

    Raises:
        ConfigError: if it has none.
    """
    if not isinstance(env, HasMenu):
        raise ConfigError(f"{type(env).__name__} cannot be played by choosing: it has no menu()")
    return env.menu()


def random_move(menu: Menu) -> Baseline:
    """Return the policy that takes any of a menu's moves, all equally likely.

    Its chance follows from what the agent has seen: the same conversation goes on in the same way wherever it is met.

    Args:
        menu: of the environment that it plays.
    """

    def act(observation: Observation) -> str:
        seen = (observation["instruction"], *(message.content for message in observation["history"]))
        return menu.say(int(generator_of("\n".join(seen)).integers(len(menu.moves))))

    return act
