"""Batches of rows of similar length, under a budget of padded tokens."""

from __future__ import annotations

import numpy as np

from agents.trajectory import IntArray


def plan(
    lengths: IntArray, budget: int, owners: IntArray | None = None, groups: IntArray | None = None
) -> list[IntArray]:
    """Split rows of the given `lengths` into micro-batches of at most `budget` padded tokens.

    Rows are sorted by length first, which leaves little padding, but those of a group stay side by side: they begin
    alike, and the policy computes that once. What is longer than the budget stands alone.

    Args:
        lengths: [R] of the rows.
        budget: the most padded tokens in a micro-batch.
        owners: [R] rows of one owner stay together, however many tokens they are; each is free, if not given.
        groups: [R] of the rows, or of their owners; each is on its own, if not given.
    """
    owners = np.arange(len(lengths)) if owners is None else owners
    _, first, unit_of_row, height = np.unique(owners, return_index=True, return_inverse=True, return_counts=True)
    width = _widest(lengths, unit_of_row)
    group_of_unit = np.unique((owners if groups is None else groups)[first], return_inverse=True)[1]
    widest_of_group = _widest(width, group_of_unit)[group_of_unit]
    place = np.empty(len(height), dtype=np.int64)
    group, widest, rows = -1, 0, 0
    for unit in np.lexsort((-width, group_of_unit, -widest_of_group)):
        if group < 0 or (rows + height[unit]) * max(widest, int(width[unit])) > budget:
            group, widest, rows = group + 1, 0, 0
        place[unit] = group
        widest, rows = max(widest, int(width[unit])), rows + int(height[unit])
    order = np.lexsort((-lengths, place[unit_of_row]))
    return np.split(order, np.cumsum(np.bincount(place[unit_of_row]))[:-1]) if len(order) else []


def _widest(lengths: IntArray, owner: IntArray) -> IntArray:
    """Return the longest row of every owner; owners are numbered from 0."""
    widest = np.zeros(int(owner.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(widest, owner, lengths)
    return widest
