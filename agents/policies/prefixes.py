"""Rows that begin alike, taken apart into prompts and what follows, so that every common prompt is fed once.

The members of a group answer the same prompt. Row by row it would be computed as often as the group has members.
Instead the prompts are fed first, and then every member's own tokens, on top of its prompt's keys and values, at the
positions that they would have had in a whole row. So nothing changes but the order of the sums, in the gradient too.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

WORTHWHILE = 0.75
"""Prompts are shared where that leaves at most this share of the tokens: a second pass has a price of its own."""


class Shared(NamedTuple):
    """Rows as `F` prompts and what each of the `B` rows adds to one of them.

    Attributes:
        prompt_ids: [F, P] long, padded on the left, so that no gap ever opens inside a row.
        prompt_mask: [F, P] bool, true on real tokens.
        family: [B] long, which prompt each row begins with.
        own_ids: [B, W] long, padded on the right.
        own_mask: [B, W] bool, true on real tokens.
        own_positions: [B, W] bool, where the states are wanted. They are wanted after every prompt's last token too.
        order: [N] long. With the states after the prompts [F], and those at `own_positions`, row-major, laid end to
            end, it names the ones that were asked for, row-major over the rows as they were.
    """

    prompt_ids: Tensor
    prompt_mask: Tensor
    family: Tensor
    own_ids: Tensor
    own_mask: Tensor
    own_positions: Tensor
    order: Tensor

    def to(self, device: torch.device) -> Shared:
        """Return the same on a device."""
        return Shared(*[part.to(device) for part in self])


def share(token_ids: Tensor, positions: Tensor) -> Shared | None:
    """Take rows apart into prompts and what follows; None where that would hardly save anything.

    Args:
        token_ids: [B, L] long, padded on the right.
        positions: [B, L] bool, where the states are wanted, at least one in every row. Up to the first of them a row
            is its prompt; what follows the last is not fed.
    """
    columns = torch.arange(positions.shape[1])
    prompt = positions.int().argmax(1) + 1
    used = (positions * columns).amax(1) + 1
    number: dict[tuple[int, ...], int] = {}
    rows = zip(token_ids.tolist(), prompt.tolist(), strict=True)
    family = torch.tensor([number.setdefault(tuple(ids[:length]), len(number)) for ids, length in rows])
    longest, width = int(prompt.max()), max(1, int((used - prompt).max()))
    if len(number) * longest + len(family) * width > WORTHWHILE * len(family) * int(used.max()):
        return None
    prompt_ids, prompt_mask = _left_padded(list(number), longest)
    where = prompt[:, None] + torch.arange(width)
    own_mask = where < used[:, None]
    where = where.clamp(max=positions.shape[1] - 1)
    own_positions = positions.gather(1, where) & own_mask
    rank = own_positions.flatten().cumsum(0).view_as(own_positions) - 1 + len(number)
    wanted = torch.nn.functional.pad(own_positions, (1, 0), value=True)
    order = torch.cat([family[:, None], rank], 1)[wanted]
    return Shared(prompt_ids, prompt_mask, family, token_ids.gather(1, where), own_mask, own_positions, order)


def _left_padded(rows: list[tuple[int, ...]], width: int) -> tuple[Tensor, Tensor]:
    """Return rows as ids and mask, [F, width] each."""
    ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(width) >= (width - lengths)[:, None]
