"""Where the episodes of `DialogueStrategy` come from."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from textenvs.envs.dialogue.episode import DialogueEpisode, Style, UserFactory
from textenvs.envs.dialogue.world import World
from textenvs.episode import Episode
from textenvs.seeding import draw_index, item_generator


class Source(Protocol):
    """Gives episodes by index."""

    @property
    def n_items(self) -> int | None:
        """How many episodes there are; None without end."""
        ...

    def draw(self, generator: np.random.Generator) -> int:
        """Draw the index of the next episode."""
        ...

    def episode(self, index: int) -> Episode:
        """Return an episode, ready to be played."""
        ...


class GeneratedSource:
    """Endless dialogues of the generated world.

    Args:
        world: draws them.
        family: first part of every item's key.
        style: how the agent is told to write.
        make_user: makes the users.
        instruction: takes the place of the world's own; None keeps that.
    """

    def __init__(
        self, world: World, family: str, style: Style, make_user: UserFactory, instruction: str | None = None
    ) -> None:
        self._world = world
        self._style: Style = style
        self._make_user = make_user
        self._instruction = instruction
        self._key = f"{family}|{world.language}|{world.difficulty!r}"
        self._prefix = f"{family}/{world.language}/{world.split}/"

    @property
    def n_items(self) -> None:
        """None: there is no end of them."""

    def draw(self, generator: np.random.Generator) -> int:
        """Draw the index of the next dialogue."""
        return draw_index(generator)

    def episode(self, index: int) -> Episode:
        """Return the dialogue with this index."""
        item = self._world.draw(item_generator(self._key, self._world.split, index))
        dials = self._world.dials
        name = f"{self._prefix}{index}"
        return DialogueEpisode(item, name, dials.turns, dials.exact, self._style, self._make_user, self._instruction)
