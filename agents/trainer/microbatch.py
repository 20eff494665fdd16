"""Micro-batches: rows of similar length, padded, under a budget of tokens."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from agents.policies.batching import plan
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


def microbatches(batch: TokenBatch, mask: BoolArray, budget: int, *, whole_episodes: bool = False) -> list[Rows]:
    """Return the segments that hold a token of `mask`, in padded micro-batches.

    Args:
        batch: of `N` action tokens.
        mask: [N] the tokens to score.
        budget: the most padded tokens in a micro-batch.
        whole_episodes: keep the segments of an episode together, even beyond the budget.
    """
    lengths = fed_lengths(batch, mask)
    segments = np.flatnonzero(lengths)
    episodes = batch.segment_episode[segments] if whole_episodes else None
    plans = plan(lengths[segments], budget, episodes, batch.group_ids[batch.segment_episode[segments]])
    return [_collate(batch, mask, segments[rows], lengths) for rows in plans]


def fed_lengths(batch: TokenBatch, mask: BoolArray) -> IntArray:
    """[S] how much of each segment is fed: what comes after its last scored token cannot change a score."""
    tokens = np.flatnonzero(mask)
    lengths = np.zeros(len(batch.segments), dtype=np.int64)
    np.maximum.at(lengths, batch.segment_index[tokens], batch.position[tokens] + 1)
    return lengths


def padding_saved(lengths: IntArray, budget: int) -> float:
    """Return the share of fed tokens, padding included, that sorting by length saves; NaN without any row.

    Compared with micro-batches of as many rows each, in the order in which the rows came.

    Args:
        lengths: [R] of the rows, > 0.
        budget: the most padded tokens in a micro-batch.
    """
    groups = plan(lengths, budget)
    unsorted = np.split(np.arange(len(lengths)), np.cumsum([len(group) for group in groups])[:-1]) if groups else []
    fed, would_be = (sum(len(rows) * int(lengths[rows].max()) for rows in split) for split in (groups, unsorted))
    return 1 - fed / would_be if would_be else float("nan")


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
