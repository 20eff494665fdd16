"""Several conversations in one row of tokens, so that fewer of them are padding; no loss changes by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

IGNORED = -100
"""The label of a token that gives no loss; PyTorch's and TRL's convention."""


class PackingCollator:
    """Lays conversations end to end in rows as long as the longest of them.

    The positions of each begin at 0, by which transformers keeps them from seeing one another, in every
    implementation of attention. What is left over at the end of a row is a conversation of zeros, which nothing reads.
    """

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Return ``input_ids``, ``labels``, ``attention_mask`` (of what is no padding) and ``position_ids``, [B, L]."""
        lengths = [len(example["input_ids"]) for example in examples]
        width = max(lengths)
        rows = best_fit(lengths, width)
        shape = (len(rows), width)
        ids, labels = torch.zeros(shape, dtype=torch.long), torch.full(shape, IGNORED)
        present, positions = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
        for row, members in enumerate(rows):
            start = 0
            for member in members:
                end = start + lengths[member]
                ids[row, start:end] = torch.tensor(examples[member]["input_ids"])
                labels[row, start:end] = torch.tensor(examples[member]["labels"])
                present[row, start:end] = 1
                positions[row, start:end] = torch.arange(end - start)
                start = end
            positions[row, start:] = torch.arange(width - start)
        return {"input_ids": ids, "labels": labels, "attention_mask": present, "position_ids": positions}


def best_fit(lengths: Sequence[int], width: int) -> list[list[int]]:
    """Return which lengths go into which row of `width`: the longest first, each where it leaves the least room.

    This is best-fit decreasing (Johnson 1973, "Near-optimal bin packing algorithms").
    """
    rows: list[list[int]] = []
    room: list[int] = []
    for member in sorted(range(len(lengths)), key=lambda member: -lengths[member]):
        fitting = [row for row, left in enumerate(room) if left >= lengths[member]]
        if fitting:
            row = min(fitting, key=lambda row: room[row])
        else:
            row = len(rows)
            rows.append([])
            room.append(width)
        rows[row].append(member)
        room[row] -= lengths[member]
    return rows
