"""A corpus: conversations read from a file, cut into splits, with a fluency model of its train split."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from textenvs.corpus_file import Problem, find_file, read_text, refuse
from textenvs.envs.rewrite.corpora.formats import FORMATS, READERS, Format, sniff
from textenvs.envs.rewrite.corpora.records import Conversation
from textenvs.envs.rewrite.fluency import NgramFluency
from textenvs.errors import CorpusError, UnknownNameError
from textenvs.rewards.measures import Language, normalize
from textenvs.seeding import SPLITS, Split, check_split


@dataclass(frozen=True, slots=True)
class CorpusKey:
    """What makes a corpus: the file as it was, and how it is read. Small, so that it can travel to workers.

    Attributes:
        path: of the file, absolute.
        stamp: size in bytes and time of the last change in nanoseconds.
        format: as given; None to tell it from the content.
        holdout: as given.
    """

    path: str
    stamp: tuple[int, int]
    format: Format | None
    holdout: int | None


class Corpus:
    """Recorded conversations in three disjoint splits.

    The last conversations of the file are the test split, those before them the valid split. What is held out is never
    trained on: an earlier record of a conversation that a later split holds (by `Conversation.content`) is left out.

    Args:
        key: names the corpus.
        conversations: in the order of the file.

    Attributes:
        key: as given.
        languages: of the conversations.

    Raises:
        CorpusError: if there are too few conversations for three splits, or too few of a language to train on.
    """

    def __init__(self, key: CorpusKey, conversations: Sequence[Conversation]) -> None:
        self.key = key
        self._splits = _cut(conversations, key)
        self._models: dict[Language, NgramFluency] = {}
        self.languages: tuple[Language, ...] = tuple(sorted({c.language for c in conversations}))
        for language in self.languages:
            if len(set(self._rewrites(language))) < 2:
                raise CorpusError(
                    f"{key.path}: the train split needs at least two different rewrites in language {language!r}, to "
                    "know how a sentence looks"
                )

    def split(self, name: Split) -> tuple[Conversation, ...]:
        """Return the conversations of one split, in the order of the file."""
        return self._splits[check_split(name)]

    def fluency_model(self, language: Language) -> NgramFluency:
        """Return the n-gram model of the train split's main rewrites, fitted when it is first asked for."""
        if language not in self._models:
            self._models[language] = NgramFluency.fit(self._rewrites(language), language)
        return self._models[language]

    def _rewrites(self, language: Language) -> Iterator[str]:
        """Yield the main rewrites of the train split, normalised."""
        for conversation in self._splits["train"]:
            if conversation.language == language:
                for i in conversation.scored:
                    yield normalize(conversation.turns[i].rewrites[0], language)


@dataclass(frozen=True, slots=True)
class CorpusFluency:
    """The fluency judge of a corpus, by name: a pickle or a copy of it holds no tables.

    Attributes:
        key: of the corpus.
        language: of the texts.
    """

    key: CorpusKey
    language: Language

    def __call__(self, text: str) -> float:
        """Return the fluency of a text in [0, 1]."""
        return _load(self.key).fluency_model(self.language)(text)


def load_corpus(path: str | Path, format: Format | None = None, holdout: int | None = None) -> Corpus:
    """Read a corpus. The same unchanged file is read once in a process.

    Args:
        path: of the file.
        format: one of `FORMATS`; None tells it from the content.
        holdout: how many scored turns, at least, the test split has; the valid split has half as many. None
            is a tenth of all, but at most 1,000.

    Returns:
        The corpus.

    Raises:
        CorpusError: if the file is not there, has malformed records (the first five are named) or is too small.
        UnknownNameError: if there is no such format.
    """
    if format is not None and format not in FORMATS:
        raise UnknownNameError.of("corpus format", format, FORMATS)
    file = find_file(path)
    stat = file.stat()
    return _load(CorpusKey(str(file.resolve()), (stat.st_size, stat.st_mtime_ns), format, holdout))


@lru_cache(maxsize=8)
def _load(key: CorpusKey) -> Corpus:
    file = Path(key.path)
    text = read_text(file)
    kind = key.format or sniff(text)
    if kind is None:
        raise CorpusError(f"{file}:1: none of the known formats ({', '.join(FORMATS)})")
    records = list(READERS[kind](text, file.name))
    refuse([record for record in records if isinstance(record, Problem)], file, kind)
    return Corpus(key, [record for record in records if isinstance(record, Conversation)])


def _cut(conversations: Sequence[Conversation], key: CorpusKey) -> dict[Split, tuple[Conversation, ...]]:
    rows = sum(len(conversation.scored) for conversation in conversations)
    test = key.holdout if key.holdout is not None else min(1000, math.ceil(rows / 10))
    rest = list(conversations)
    splits: dict[Split, tuple[Conversation, ...]] = {}
    held: set[tuple[str, ...]] = set()
    sizes: dict[Split, int] = {"test": test, "valid": math.ceil(test / 2)}
    for name, wanted in sizes.items():
        splits[name] = tuple(_take_last(rest, wanted))
        held.update(conversation.content for conversation in splits[name])
        rest = [conversation for conversation in rest if conversation.content not in held]
    splits["train"] = tuple(rest)
    empty = [name for name in SPLITS if not splits[name]]
    if empty:
        raise CorpusError(
            f"{key.path}: {len(conversations)} conversations with {rows} rewrites leave nothing for the split "
            f"{empty[0]!r} (holdout={key.holdout})"
        )
    return splits


def _take_last(conversations: list[Conversation], rows: int) -> list[Conversation]:
    """Take whole conversations off the end until they have so many scored turns."""
    taken: list[Conversation] = []
    while conversations and rows > 0:
        taken.append(conversations.pop())
        rows -= len(taken[-1].scored)
    return taken[::-1]
