"""Where the episodes of `MultiTurnRewrite` come from: the generated world, or a corpus of real dialogues."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from textenvs.envs.rewrite.corpora import Conversation, Corpus, CorpusEpisode, CorpusFluency, HistorySource
from textenvs.envs.rewrite.dialogue import Dialogue
from textenvs.envs.rewrite.grammar.surface import WORDINGS
from textenvs.envs.rewrite.world import Item, LanguageChoice, World
from textenvs.episode import Episode
from textenvs.errors import ConfigError
from textenvs.seeding import Split, item_generator
from textenvs.sources import Endless, Listed


class GeneratedSource(Endless):
    """Endless dialogues of the generated world.

    Args:
        world: draws them.
        family: first part of every item's key.
        instruction: takes the place of the world's own; None keeps that.
    """

    def __init__(self, world: World, family: str, instruction: str | None = None) -> None:
        self._world = world
        self._instruction = instruction
        self._key = f"{family}|{world.language}|{world.difficulty!r}"
        self._prefix = f"{family}/{world.language}/{world.split}/"

    def episode(self, index: int) -> Episode:
        """Return the dialogue with this index."""
        split = self._world.split
        return Dialogue(_drawn(self._world, self._key, index), f"{self._prefix}{index}", split, self._instruction)


@lru_cache(maxsize=128)
def _drawn(world: World, key: str, index: int) -> Item:
    """Draw a dialogue; kept, because the members of a group and repeated trials play the same one."""
    return world.draw(item_generator(key, world.split, index))


class CorpusSource(Listed[Conversation]):
    """The recorded dialogues of one split of a corpus, drawn without replacement in every pass.

    Args:
        corpus: as read from its file.
        split: which part of it.
        language: which of its languages; ``"mixed"`` takes all.
        history_source: see `CorpusEpisode`.
        portion: the part of the split to keep to, from one share of its dialogues to another.
        instruction: takes the place of the environment's own; None keeps that.

    Raises:
        ConfigError: if the split or the portion holds nothing in this language, or the shares are none.
    """

    def __init__(
        self,
        corpus: Corpus,
        split: Split,
        language: LanguageChoice,
        history_source: HistorySource,
        portion: tuple[float, float] = (0.0, 1.0),
        instruction: str | None = None,
    ) -> None:
        held = corpus.split(split)
        spoken = [c for c in held if language in ("mixed", c.language)]
        if not spoken:
            found = ", ".join(sorted({c.language for c in held}))
            raise ConfigError(f"{corpus.key.path} has no dialogues in language={language!r}; it has: {found}")
        super().__init__(_part(spoken, portion))
        self._key = corpus.key
        self._history_source: HistorySource = history_source
        self._instruction = instruction

    def episode(self, index: int) -> Episode:
        """Return the dialogue with this index; see `item`."""
        conversation = self.item(index)
        words = WORDINGS[conversation.language]
        return CorpusEpisode(
            conversation,
            CorpusFluency(self._key, conversation.language),
            instruction=words.instruction if self._instruction is None else self._instruction,
            speakers=words.speakers,
            history_source=self._history_source,
        )


def _part(conversations: Sequence[Conversation], portion: tuple[float, float]) -> Sequence[Conversation]:
    """Return the conversations between two shares, in order; portions that meet share none and leave none out."""
    start, stop = portion
    if not 0.0 <= start < stop <= 1.0:
        raise ConfigError(f"portion={portion!r}: give two shares, 0 <= start < stop <= 1")
    # Dealt, not cut: a file is seldom in random order, and two portions should be alike.
    dealt = np.random.default_rng(0).permutation(len(conversations))
    kept: list[int] = sorted(dealt[round(start * len(dealt)) : round(stop * len(dealt))].tolist())
    part = [conversations[index] for index in kept]
    if not part:
        raise ConfigError(f"portion={portion!r} of {len(conversations)} dialogues holds none")
    return part
