"""A small search engine to be rewarded by: BM25 over documents in memory. Needs the extra ``retrieval``.

On the command line, with documents as lines such as ``{"id": "opening-hours", "text": "The museum opens at nine."}``::

    textenvs train ppo --env.corpus dialogues.jsonl --reward textenvs.rewards.bm25:bm25_retrieval:documents.jsonl
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from textenvs.corpus_file import Problem, find_file, numbered_lines, read_text, refuse
from textenvs.errors import ConfigError, CorpusError
from textenvs.rewards.measures import words
from textenvs.rewards.retrieval import Retrieval


class BM25:
    """Finds the documents that share rare words with a query; one that shares none is not found.

    A Chinese character is a word, and so is a pair of neighbours. The weights and their defaults are the library's.

    Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond"; the library is bm25s.

    Args:
        documents: the texts by name.

    Raises:
        ConfigError: if there are no documents, or the library is not installed.
    """

    def __init__(self, documents: Mapping[str, str]) -> None:
        if not documents:
            raise ConfigError("BM25 of no documents: give at least one")
        self._names = list(documents)
        self._index = _library().BM25()
        self._index.index([_terms(text) for text in documents.values()], show_progress=False)

    def __call__(self, query: str, k: int) -> list[str]:
        """Return the names of at most k documents, the best first."""
        return self.search_batch((query,), k)[0]

    def search_batch(self, queries: Sequence[str], k: int) -> list[list[str]]:
        """Return the names of at most k documents for every query."""
        depth = min(k, len(self._names))
        places, scores = self._index.retrieve([_terms(query) for query in queries], k=depth, show_progress=False)
        return [
            [self._names[place] for place, score in zip(*row, strict=True) if score > 0.0]
            for row in zip(places.tolist(), scores.tolist(), strict=True)
        ]


def bm25_retrieval(path: str | Path) -> Retrieval:
    """Return the reward of finding the labelled documents of a file; see the module's docstring.

    Raises:
        CorpusError: if the file is not there, has malformed lines, or names two documents alike.
        ConfigError: if the library is not installed.
    """
    return Retrieval(BM25(read_documents(path)))


def read_documents(path: str | Path) -> dict[str, str]:
    """Return the texts of a JSONL file by their ids.

    Raises:
        CorpusError: if the file is not there, has malformed lines, or names two documents alike.
    """
    file = find_file(path)
    records = list(_records(read_text(file)))
    refuse([record for record in records if isinstance(record, Problem)], file, "documents")
    pairs = [record for record in records if not isinstance(record, Problem)]
    documents = dict(pairs)
    if len(documents) < len(pairs):
        raise CorpusError(f"{file}: {len(pairs)} documents have {len(documents)} ids; each needs one of its own")
    return documents


def _records(text: str) -> Iterator[tuple[str, str] | Problem]:
    for number, line in numbered_lines(text):
        try:
            row: Any = json.loads(line)
        except json.JSONDecodeError as error:
            yield Problem(number, f"no valid JSON: {error.msg}")
            continue
        fields = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
        name, said = fields.get("id"), fields.get("text")
        if isinstance(name, str) and isinstance(said, str):
            yield name, said
        else:
            yield Problem(number, 'a document is {"id": "...", "text": "..."}, both of them texts')


def _terms(text: str) -> list[str]:
    cut = words(text, "en")
    pairs = [one + other for one, other in itertools.pairwise(cut) if len(one) == len(other) == 1]
    return [*cut, *(pair for pair in pairs if not pair.isascii())]


def _library() -> Any:
    try:
        import bm25s  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError:
        raise ConfigError("BM25 needs the package 'bm25s': pip install 'textenvs[retrieval]'") from None
    return bm25s
