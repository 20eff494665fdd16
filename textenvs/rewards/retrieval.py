"""What a search engine finds with the answer: the reward of a rewriter in front of a retriever.

The engine is any callable, ``search(query, k) -> documents``, best first; one that would rather take many queries at
once has ``search_batch(queries, k)`` as well. Documents are named by whatever can be hashed, such as their ids.

**By itself it can be gamed**: a query that holds the whole conversation often finds more than a good rewrite does. So
pay it beside something that charges for what was added: ``Product({"found": Retrieval(search), "kept": consistency})``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, cast, get_args, runtime_checkable

from textenvs.errors import RewardSpecError, check_known
from textenvs.faults import Fault
from textenvs.messages import Turn
from textenvs.rewards.core import Score, Scored
from textenvs.rewards.measures.ranking import recall_at, reciprocal_rank

Search = Callable[[str, int], Sequence[Hashable]]
"""Takes a query and how many documents to find; returns them, the best first."""

Relevant = Callable[[Turn], Collection[Hashable]]
"""Takes a turn; returns the documents that its user wants."""

Measure = Literal["mrr", "recall"]
PARTS: tuple[Measure, ...] = get_args(Measure)


@runtime_checkable
class BatchSearch(Protocol):
    """An engine that would rather take many queries at once (an index in memory, an endpoint)."""

    def __call__(self, query: str, k: int) -> Sequence[Hashable]:
        """Return the documents found for one query."""
        ...

    def search_batch(self, queries: Sequence[str], k: int) -> Sequence[Sequence[Hashable]]:
        """Return the documents found for each query, in order."""
        ...


def labelled(turn: Turn) -> Collection[Hashable]:
    """Return the documents that the turn's own truth names, as rows of one's own do with ``"relevant"``."""
    return turn.truth.relevant


class Retrieval(Scored):
    """How well a search engine does with the answer as its query, in [0, 1]: recall@k and the reciprocal rank.

    Both are parts; one is paid. An empty answer finds nothing. A turn for which no document is relevant cannot be
    judged, and is missing; so is one whose search fails (see `Retry`). A copy asks the same engine.

    Args:
        search: the engine; see `Search` and `BatchSearch`.
        relevant: which documents are wanted. If not given, those with which the data labels the turn; without labels,
            those that the reference finds will do: ``lambda turn: search(turn.truth.gold, 1)``.
        k: how deep the results are looked at.
        pays: ``"mrr"``, the reciprocal rank, or ``"recall"``.
        name: of the reward.

    Raises:
        UnknownNameError: if there is no such measure.
        RewardSpecError: if `k` is below 1.
    """

    def __init__(
        self,
        search: Search,
        relevant: Relevant = labelled,
        *,
        k: int = 10,
        pays: Measure = "mrr",
        name: str = "retrieval",
    ) -> None:
        check_known("measure of retrieval", pays, PARTS)
        if k < 1:
            raise RewardSpecError(f"Retrieval(k={k}): results are looked at from the first on, so k is 1 or more")
        kind = _Together if isinstance(search, BatchSearch) else _OneByOne
        super().__init__(kind(search, relevant, k, pays), name, PARTS)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return the same reward: an index is large, and Gymnasium copies settings at every look at them."""
        return self


@dataclass(frozen=True, slots=True)
class _OneByOne:
    """Judges an engine's results, a query at a time."""

    search: Search
    relevant: Relevant
    k: int
    pays: Measure

    def __call__(self, turn: Turn) -> Score:
        return self.judged(turn, self.search(turn.answer, self.k) if turn.answer else ())

    def judged(self, turn: Turn, found: Sequence[Hashable]) -> Score:
        wanted = self.relevant(turn)
        if not wanted:
            return Score.missing(PARTS, Fault.REWARD_FAILED)
        parts = {"mrr": reciprocal_rank(found, wanted, self.k), "recall": recall_at(found, wanted, self.k)}
        return Score(parts[self.pays], parts)


class _Together(_OneByOne):
    """Judges the results of an engine that takes many queries at once."""

    __slots__ = ()

    def score_batch(self, turns: Sequence[Turn]) -> list[Score]:
        queries = [turn.answer for turn in turns if turn.answer]
        found = cast("BatchSearch", self.search).search_batch(queries, self.k) if queries else ()
        if len(found) != len(queries):
            raise ValueError(f"search_batch returned {len(found)} rankings for {len(queries)} queries")
        rankings = iter(found)
        return [self.judged(turn, next(rankings) if turn.answer else ()) for turn in turns]
