"""Preallocated keys and values of a batch of conversations, and the part of them that outlives a turn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from transformers import Cache
from transformers.cache_utils import CacheLayerMixin


class BufferLayer(CacheLayerMixin):
    """One layer's keys and values in buffers of fixed capacity: a decoding step writes one column, copies none."""

    is_sliding = False

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.length = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Allocate for the batch and head shape of the first states that arrive."""
        self.keys = _buffer(key_states, self.capacity)
        self.values = _buffer(value_states, self.capacity)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write new columns [B, heads, n, dim] and return everything written so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        keys, values = self.buffers
        end = self.length + key_states.shape[2]
        keys[:, :, self.length : end] = key_states
        values[:, :, self.length : end] = value_states
        self.length = end
        return keys[:, :, :end], values[:, :, :end]

    def join(self, other: BufferLayer, columns: int, capacity: int) -> None:
        """Take in another layer's rows; both end at column `columns`, and what lies further back is dropped."""
        parts = list(zip(self.buffers, other.buffers, strict=True))
        self.keys, self.values = (
            _right_aligned(part, (self.length, other.length), columns, capacity) for part in parts
        )
        self.capacity, self.length = capacity, columns

    @property
    def buffers(self) -> tuple[Tensor, Tensor]:
        """The allocated keys and values, [B, heads, capacity, dim] each."""
        return cast(Tensor, self.keys), cast(Tensor, self.values)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Return how many columns the next attention sees, and the first one's number."""
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        """Return how many columns are written."""
        return self.length

    def get_max_length(self) -> int:
        """Return the capacity."""
        return self.capacity


Buffers = list[tuple[Tensor, Tensor]]
"""Every layer's keys and values."""


@dataclass(frozen=True)
class Past:
    """Where the keys and values of one conversation lie: a row of some batch's buffers, and a run of columns."""

    buffers: Buffers
    row: int
    start: int
    length: int


class BatchCache(Cache):
    """The keys and values of a batch of conversations, right-aligned: a shorter one starts in a later column."""

    def __init__(self, layers: int, capacity: int) -> None:
        self.buffer_layers = [BufferLayer(capacity) for _ in range(layers)]
        super().__init__(layers=list(self.buffer_layers))

    def buffers(self) -> Buffers:
        """Return every layer's keys and values."""
        return [layer.buffers for layer in self.buffer_layers]

    def select(self, rows: Tensor) -> None:
        """Keep these rows, in this order, repeated where named twice; pasts keep pointing at the old buffers."""
        for layer in self.buffer_layers:
            keys, values = layer.buffers
            layer.keys, layer.values = keys.index_select(0, rows), values.index_select(0, rows)

    def join(self, other: BatchCache, columns: int, capacity: int) -> None:
        """Take in another batch's rows.

        Args:
            other: of the same model.
            columns: how many columns are then filled; no conversation of either may be longer.
            capacity: of the buffers that both are copied to.
        """
        for layer, theirs in zip(self.buffer_layers, other.buffer_layers, strict=True):
            layer.join(theirs, columns, capacity)

    def fill(self, pasts: Sequence[Past | None], columns: int) -> None:
        """Start from earlier turns: put the first `past.length` columns of each row right-aligned before `columns`.

        Args:
            pasts: one per row; `Past.length` of it is used, None for a row without any.
            columns: how many columns are then filled; none of the pasts may be longer.
        """
        sources: dict[int, list[int]] = defaultdict(list)
        for row, past in enumerate(pasts):
            if past is not None and past.length:
                sources[id(past.buffers)].append(row)
        for rows in sources.values():
            self._copy(rows, [cast(Past, pasts[row]) for row in rows], len(pasts), columns)

    def _copy(self, rows: list[int], pasts: list[Past], batch: int, columns: int) -> None:
        """Copy conversations that lie in the same buffers, all at once."""
        device = pasts[0].buffers[0][0].device
        source_rows = torch.tensor([past.row for past in pasts], device=device)[:, None]
        # Columns left of a short conversation repeat its first one: never attended to, but finite.
        shift = torch.tensor([past.length - columns for past in pasts], device=device)[:, None]
        start = torch.tensor([past.start for past in pasts], device=device)[:, None]
        source_columns = start + (torch.arange(columns, device=device) + shift).clamp(min=0)
        for layer, (keys, values) in zip(self.buffer_layers, pasts[0].buffers, strict=True):
            if not layer.is_initialized:
                layer.lazy_initialization(keys[:1].expand(batch, -1, -1, -1), values[:1].expand(batch, -1, -1, -1))
            own_keys, own_values = layer.buffers
            own_keys[rows, :, :columns] = keys[source_rows, :, source_columns].transpose(1, 2)
            own_values[rows, :, :columns] = values[source_rows, :, source_columns].transpose(1, 2)
            layer.length = columns


def nbytes(buffers: Buffers) -> int:
    """Return the memory of buffers."""
    return sum(part.nbytes for layer in buffers for part in layer)


def bytes_per_token(model: Any) -> int:
    """Return the memory of one token's keys and values."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * config.num_hidden_layers * heads * dim * next(model.parameters()).element_size()


def _right_aligned(parts: Sequence[Tensor], lengths: Sequence[int], columns: int, capacity: int) -> Tensor:
    """Lay the rows of several buffers end to end, so that what each has written ends at column `columns`."""
    _, heads, _, dim = parts[0].shape
    joined = parts[0].new_zeros(sum(map(len, parts)), heads, capacity, dim)
    row = 0
    for part, length in zip(parts, lengths, strict=True):
        kept = min(columns, length)
        joined[row : row + len(part), :, columns - kept : columns] = part[:, :, length - kept : length]
        row += len(part)
    return joined


def _buffer(states: Tensor, capacity: int) -> Tensor:
    # Zeros, not uninitialised memory: a masked column has weight 0, and 0 times NaN is NaN.
    batch, heads, _, dim = states.shape
    return torch.zeros(batch, heads, capacity, dim, dtype=states.dtype, device=states.device)
