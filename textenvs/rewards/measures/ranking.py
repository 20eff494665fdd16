"""How good a ranking is, given what should stand in it: recall and reciprocal rank, both cut at a depth.

Source: Manning, Raghavan and Schütze 2008, "Introduction to Information Retrieval", sections 8.3 and 8.4; the
reciprocal rank is that of Voorhees 1999, "The TREC-8 Question Answering Track Report", section 3.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence


def recall_at(ranking: Sequence[Hashable], relevant: Collection[Hashable], k: int) -> float:
    """Return the share of the relevant documents that stand among the first k.

    Args:
        ranking: documents, the best first; one that stands there twice counts once.
        relevant: those that should be found.
        k: the depth, from 1.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: if nothing is relevant, so that there is no share, or `k` is below 1.
    """
    wanted = _wanted(relevant, k)
    return len(wanted.intersection(ranking[:k])) / len(wanted)


def reciprocal_rank(ranking: Sequence[Hashable], relevant: Collection[Hashable], k: int) -> float:
    """Return 1 / the rank of the first relevant document, its mean over queries being the MRR; 0.0 beyond rank k.

    Raises:
        ValueError: if nothing is relevant, or `k` is below 1.
    """
    wanted = _wanted(relevant, k)
    return next((1.0 / rank for rank, document in enumerate(ranking[:k], 1) if document in wanted), 0.0)


def _wanted(relevant: Collection[Hashable], k: int) -> frozenset[Hashable]:
    if k < 1:
        raise ValueError(f"k={k}: a ranking is looked at from its first place on, so k is 1 or more")
    if not relevant:
        raise ValueError("no document is relevant: neither recall nor rank is defined")
    return frozenset(relevant)
