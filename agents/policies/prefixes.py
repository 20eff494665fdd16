"""Rows that begin alike, packed so that every common beginning is fed once.

The members of a group answer the same prompt. Row by row it would be computed as often as the group has members. A
packed row holds the prompt once and then every member's own tokens, each of which attends to the prompt and to its
own past, at the position that it would have had in a row of its own. So nothing changes but the order of the sums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

LONGEST = 512
"""Most tokens in a packed row: its attention costs their square."""

WORTHWHILE = 0.75
"""Rows are packed where that leaves at most this share of their tokens."""


class Packed(NamedTuple):
    """Rows in fewer, longer rows.

    Attributes:
        token_ids: [P, W] long.
        attention_mask: [P, 1, W, W], added to the attention's logits.
        position_ids: [P, W] long.
        row: [N] the packed row of each position that was asked for, row-major over the rows as they were.
        column: [N] its column.
    """

    token_ids: Tensor
    attention_mask: Tensor
    position_ids: Tensor
    row: Tensor
    column: Tensor


@dataclass(frozen=True)
class _Family:
    """Rows with the same prompt.

    Attributes:
        prompt: tokens that all of them begin with.
        members: the rows.
        lengths: how many tokens each adds.
    """

    prompt: int
    members: Sequence[int]
    lengths: Sequence[int]

    @property
    def size(self) -> int:
        return self.prompt + sum(self.lengths)


def pack(token_ids: Tensor, positions: Tensor, dtype: torch.dtype) -> Packed | None:
    """Pack rows that begin alike; None where that would hardly save anything.

    Args:
        token_ids: [B, L] long, padded on the right.
        positions: [B, L] bool, where the states are wanted, at least one in every row. Up to the first of them a row
            is its prompt; what follows the last is not fed.
        dtype: of the mask.
    """
    families = _families(token_ids, positions)
    apart = sum(len(family.members) * family.prompt + sum(family.lengths) for family in families)
    if sum(family.size for family in families) > WORTHWHILE * apart:
        return None
    width = max(family.size for family in families)
    ids, places, owner = (torch.zeros(len(families), width, dtype=torch.long) for _ in range(3))
    owner -= 1
    packed_row = torch.empty(len(token_ids), dtype=torch.long)
    shift = torch.zeros_like(token_ids)
    for row, family in enumerate(families):
        end = family.prompt
        ids[row, :end], places[row, :end], owner[row, :end] = token_ids[family.members[0], :end], torch.arange(end), 0
        for number, (member, length) in enumerate(zip(family.members, family.lengths, strict=True), start=1):
            own = slice(family.prompt, family.prompt + length)
            new = slice(end, end + length)
            ids[row, new], owner[row, new] = token_ids[member, own], number
            places[row, new] = torch.arange(own.start, own.stop)
            packed_row[member] = row
            shift[member, own] = end - family.prompt
            end += length
    row, column = positions.nonzero(as_tuple=True)
    return Packed(ids, _mask(owner, dtype), places, packed_row[row], column + shift[row, column])


def _families(token_ids: Tensor, positions: Tensor) -> list[_Family]:
    """Return the rows by their prompt, in families that are not too long."""
    columns = torch.arange(positions.shape[1])
    first = (positions.int().argmax(1) + 1).tolist()
    used = ((positions * columns).amax(1) + 1).tolist()
    alike: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for row, ids in enumerate(token_ids.tolist()):
        alike[tuple(ids[: first[row]])].append(row)
    families: list[_Family] = []
    for prompt, members in alike.items():
        room = max(1, (LONGEST - len(prompt)) // max(1, *(used[row] - first[row] for row in members)))
        for start in range(0, len(members), room):
            some = members[start : start + room]
            families.append(_Family(len(prompt), some, [used[row] - first[row] for row in some]))
    return families


def _mask(owner: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the mask of packed rows, given whose each token is [P, W]: a member's, 0 for the prompt, -1 for none."""
    asked, seen = owner[:, :, None], owner[:, None, :]
    past = torch.ones(owner.shape[1], owner.shape[1], dtype=torch.bool).tril()
    visible = ((asked == seen) | ((seen == 0) & (asked > 0))) & past
    return torch.zeros(visible.shape, dtype=dtype).masked_fill_(~visible, torch.finfo(dtype).min)[:, None]
