"""The menus of several environments as one: all moves, of which those of the task that is played say something."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textenvs.envs.mixed.reward import SEPARATOR
from textenvs.menus import Menu


class MixedMenu:
    """Moves and features of `MixedTasks`; see `textenvs.wrappers.Menu`.

    Both are those of every task, as ``task/name``; before the features stands which task is played, and those of the
    others are 0. A move of another task says its own name, which helps nowhere.

    Args:
        menus: of the tasks, by name.
        playing: returns the name of the task that is played.
    """

    def __init__(self, menus: Mapping[str, Menu], playing: Callable[[], str]) -> None:
        self._menus = menus
        self._playing = playing
        self.moves = tuple(f"{task}{SEPARATOR}{move}" for task, menu in menus.items() for move in menu.moves)
        self.features = (
            *menus,
            *(f"{task}{SEPARATOR}{feature}" for task, menu in menus.items() for feature in menu.features),
        )

    def look(self) -> list[float]:
        """Return the features, each in [0, 1]."""
        playing = self._playing()
        shown = [float(task == playing) for task in self._menus]
        for task, menu in self._menus.items():
            shown += menu.look() if task == playing else [0.0] * len(menu.features)
        return shown

    def say(self, move: int) -> str:
        """Return the text of a move at this point."""
        task, _, name = self.moves[move].partition(SEPARATOR)
        menu = self._menus[task]
        return menu.say(list(menu.moves).index(name)) if task == self._playing() else self.moves[move]
