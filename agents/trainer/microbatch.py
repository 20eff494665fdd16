"""Micro-batches: rows of similar length, padded, under a budget of tokens."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agents.trajectory import BoolArray, IntArray, TokenBatch


class Rows(NamedTuple):
    """Some segments of a batch as the policy takes them, right-padded to `L`.

    Attributes:
        token_ids: [B, L] long.
        attention_mask: [B, L] bool, true on real tokens.
        select: [B, L] bool, the action tokens to score.
        temperature: [B, L]; 1 where nothing is scored.
        tokens: [n] the selected tokens' places in the batch's flat arrays, row-major over `select`.
    """

    token_ids: Tensor
    attention_mask: Tensor
    select: Tensor
    temperature: Tensor
    tokens: IntArray


def plan(lengths: IntArray, budget: int) -> list[IntArray]:
    """Split rows of the given `lengths` into micro-batches of at most `budget` padded tokens.

    Rows are sorted by length first, which leaves little padding. A row longer than the budget stands alone.
    """
    order = np.argsort(-lengths, kind="stable")
    groups: list[IntArray] = []
    start = 0
    while start < len(order):
        stop = start + max(1, budget // int(lengths[order[start]]))
        groups.append(order[start:stop])
        start = stop
    return groups


def microbatches(batch: TokenBatch, mask: BoolArray, budget: int) -> list[Rows]:
    """Return the segments that hold a token of `mask`, in padded micro-batches.

    Args:
        batch: of `N` action tokens.
        mask: [N] the tokens to score.
        budget: the most padded tokens in a micro-batch.
    """
    tokens = np.flatnonzero(mask)
    # What comes after a segment's last scored token cannot change a score: it is never fed.
    lengths = np.zeros(len(batch.segments), dtype=np.int64)
    np.maximum.at(lengths, batch.segment_index[tokens], batch.position[tokens] + 1)
    segments = np.flatnonzero(lengths)
    return [_collate(batch, mask, segments[rows], lengths) for rows in plan(lengths[segments], budget)]


def _collate(batch: TokenBatch, mask: BoolArray, segments: IntArray, lengths: IntArray) -> Rows:
    shape = (len(segments), int(lengths[segments].max()))
    token_ids = np.zeros(shape, dtype=np.int64)
    for row, segment in enumerate(segments):
        token_ids[row, : lengths[segment]] = batch.segments[segment].token_ids[: lengths[segment]]
    starts = batch.segment_starts
    spans = [np.arange(int(starts[segment]), int(starts[segment + 1])) for segment in segments]
    row = np.repeat(np.arange(len(segments)), [len(span) for span in spans])
    tokens = np.concatenate(spans)
    row, tokens = row[mask[tokens]], tokens[mask[tokens]]
    select = np.zeros(shape, dtype=np.bool_)
    select[row, batch.position[tokens]] = True
    temperature = np.ones(shape, dtype=np.float32)
    temperature[row, batch.position[tokens]] = batch.temperature[tokens]
    return Rows(
        torch.from_numpy(token_ids),
        torch.from_numpy(np.arange(shape[1]) < lengths[segments][:, None]),
        torch.from_numpy(select),
        torch.from_numpy(temperature),
        tokens,
    )


def pad_states(states: list[IntArray]) -> tuple[Tensor, Tensor]:
    """Right-pad token sequences of different length; returns ids [B, L] and attention mask [B, L]."""
    lengths = np.array([len(state) for state in states])
    token_ids = np.zeros((len(states), int(lengths.max())), dtype=np.int64)
    for row, state in enumerate(states):
        token_ids[row, : len(state)] = state
    return torch.from_numpy(token_ids), torch.from_numpy(np.arange(token_ids.shape[1]) < lengths[:, None])
