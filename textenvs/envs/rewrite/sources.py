"""Where the episodes of `MultiTurnRewrite` come from: the generated world, or a corpus of real dialogues."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from textenvs.envs.rewrite.corpora import Corpus, CorpusEpisode, CorpusFluency, HistorySource, PassOrder
from textenvs.envs.rewrite.dialogue import Dialogue
from textenvs.envs.rewrite.grammar.surface import WORDINGS
from textenvs.envs.rewrite.world import LanguageChoice, World
from textenvs.episode import Episode
from textenvs.errors import ConfigError
from textenvs.seeding import Split, draw_index, item_generator


class Source(Protocol):
    """Gives episodes by index."""

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
    """

    def __init__(self, world: World, family: str) -> None:
        self._world = world
        self._key = f"{family}|{world.language}|{world.difficulty!r}"
        self._prefix = f"{family}/{world.language}/{world.split}/"

    def draw(self, generator: np.random.Generator) -> int:
        """Draw the index of the next dialogue."""
        return draw_index(generator)

    def episode(self, index: int) -> Episode:
        """Return the dialogue with this index."""
        split = self._world.split
        item = self._world.draw(item_generator(self._key, split, index))
        return Dialogue(item, f"{self._prefix}{index}", split)


class CorpusSource:
    """The recorded dialogues of one split of a corpus, drawn without replacement in every pass.

    Args:
        corpus: as read from its file.
        split: which part of it.
        language: which of its languages; ``"mixed"`` takes all.
        history_source: see `CorpusEpisode`.

    Raises:
        ConfigError: if the split holds nothing in this language.
    """

    def __init__(self, corpus: Corpus, split: Split, language: LanguageChoice, history_source: HistorySource) -> None:
        held = corpus.split(split)
        self._conversations = [c for c in held if language in ("mixed", c.language)]
        if not self._conversations:
            found = ", ".join(sorted({c.language for c in held}))
            raise ConfigError(f"{corpus.key.path} has no dialogues in language={language!r}; it has: {found}")
        self._key = corpus.key
        self._history_source: HistorySource = history_source
        self._order = PassOrder(len(self._conversations))

    def draw(self, generator: np.random.Generator) -> int:
        """Draw the index of the next dialogue."""
        return self._order.draw(generator)

    def episode(self, index: int) -> Episode:
        """Return the dialogue with this index.

        Raises:
            ConfigError: if there are not so many.
        """
        if index >= len(self._conversations):
            raise ConfigError(
                f"index {index}: this split of the corpus has the indices 0 to {len(self._conversations) - 1}"
            )
        conversation = self._conversations[index]
        words = WORDINGS[conversation.language]
        return CorpusEpisode(
            conversation,
            CorpusFluency(self._key, conversation.language),
            instruction=words.instruction,
            speakers=words.speakers,
            history_source=self._history_source,
        )
