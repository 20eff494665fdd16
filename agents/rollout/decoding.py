"""A batch of conversations that decode together, in one cache, until some of them have finished their turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.engine import Completion
from agents.rollout.kv_cache import BatchCache, Past, nbytes
from agents.rollout.sampling import SamplingParams, draw, uniforms

FINISHED_SHARE = 0.25
"""A batch stops for its finished rows once they are so much of it: until then, leaving costs more than they do."""


@dataclass
class Conversation:
    """The tokens of one conversation, and where their keys and values lie."""

    ids: list[int] = field(default_factory=list[int])
    past: Past | None = None


@dataclass(frozen=True)
class Ask:
    """A turn that somebody waits for.

    Attributes:
        handle: of the conversation.
        conversation: itself.
        stream: names the turn's noise.
    """

    handle: int
    conversation: Conversation
    stream: int


class _Rows(NamedTuple):
    """What is known about each of `B` rows, changed in place.

    Attributes:
        starts: [B] the column of each row's first token.
        noise: [B, T] of its turn's tokens.
        tokens: [B, T + 1] what it has drawn; a finished row goes on drawing, into the last column.
        logprobs: [B, T + 1] of the same.
        counts: [B] how many of them are the turn's.
        going: [B] whether its turn is unfinished.
        drawn: [B] the token that is fed next.
    """

    starts: Tensor
    noise: Tensor
    tokens: Tensor
    logprobs: Tensor
    counts: Tensor
    going: Tensor
    drawn: Tensor

    @classmethod
    def fresh(cls, starts: Tensor, noise: Tensor) -> Self:
        """Return rows that have drawn nothing yet."""
        size, last = noise.shape
        ids = torch.zeros(size, last + 1, dtype=torch.long, device=starts.device)
        counts, going = torch.zeros_like(starts), torch.ones_like(starts, dtype=torch.bool)
        return cls(starts, noise, ids, torch.zeros_like(ids, dtype=torch.float32), counts, going, counts.clone())

    def select(self, rows: Tensor) -> _Rows:
        """Return some of the rows."""
        return _Rows(*[part[rows] for part in self])

    def join(self, other: _Rows) -> _Rows:
        """Return these rows and then the others."""
        return _Rows(*[torch.cat(pair) for pair in zip(self, other, strict=True)])


class Batch:
    """Turns under way, right-aligned in one cache: a shorter conversation starts in a later column.

    Args:
        policy: whose model samples; under `eval`, and with gradients off.
        asks: what is decoded; at least one.
        params: the sampler.

    Attributes:
        asks: one per row.
        params: as given.
        column: how many columns of the cache are filled.
    """

    def __init__(self, policy: CausalLMPolicy, asks: Sequence[Ask], params: SamplingParams) -> None:
        self.policy = policy
        self.params = params
        self.asks = list(asks)
        lengths = [len(ask.conversation.ids) for ask in asks]
        self.column = max(lengths)
        starts = torch.tensor([self.column - length for length in lengths], device=policy.device)
        noise = uniforms(np.array([ask.stream for ask in asks], dtype=np.uint64), params.max_new_tokens)
        self._rows = _Rows.fresh(starts, torch.from_numpy(noise).to(policy.device))
        self._stops = torch.tensor(policy.chat.stop_ids, device=policy.device)
        layers = policy.model.config.get_text_config().num_hidden_layers
        self._cache = BatchCache(layers, self.column + params.max_new_tokens)
        self._draw(self._prefill())

    @property
    def nbytes(self) -> int:
        """The memory of the cache."""
        return nbytes(self._cache.buffers())

    def run(self) -> None:
        """Decode until a good part of the rows have finished, at least one."""
        while int(self._rows.going.sum()) > (1 - FINISHED_SHARE) * len(self.asks):
            self.column += 1
            self._draw(self._forward(self._rows.drawn[:, None], self._rows.starts))

    def take_finished(self) -> list[Completion]:
        """Let the finished rows go: return their turns; their conversations keep tokens, keys and values."""
        places = (~self._rows.going).nonzero()[:, 0]
        done = self._rows.select(places)
        parts = (places, done.starts, done.counts, done.tokens, done.logprobs)
        buffers, completions = self._cache.buffers(), list[Completion]()
        for row, start, count, tokens, logprobs in zip(*[part.tolist() for part in parts], strict=True):
            ask, ids = self.asks[row], tokens[:count]
            fed = len(ask.conversation.ids) + count - 1  # the last sampled token was not
            ask.conversation.past = Past(buffers, row, start, fed)
            ask.conversation.ids.extend(ids)
            reason = "stop" if ids[-1] in self.policy.chat.stop_ids else "length"
            completions.append(Completion(ask.handle, ids, logprobs[:count], reason))
        self.keep(self._rows.going.nonzero()[:, 0].tolist())
        return completions

    def join(self, other: Batch) -> None:
        """Take in the rows of another batch with the same sampler."""
        longest = max(batch.column - int(batch._rows.starts.min()) for batch in (self, other))
        self._cache.join(other._cache, longest, longest + self.params.max_new_tokens)
        for batch in (self, other):
            batch._rows.starts.add_(longest - batch.column)
        self._rows = self._rows.join(other._rows)
        self.asks += other.asks
        self.column = longest

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only; the cache that is left behind stays with those who have finished."""
        if len(rows) == len(self.asks):
            return
        self.asks = [self.asks[row] for row in rows]
        places = torch.tensor(rows, dtype=torch.long, device=self._rows.starts.device)
        self._rows = self._rows.select(places)
        if rows:
            self._cache.select(places)

    def _draw(self, logits: Tensor) -> None:
        """Draw every row's next token from logits [B, V], and write down those of unfinished rows."""
        rows, last, state = torch.arange(len(logits), device=logits.device), self.params.max_new_tokens, self._rows
        drawn, logprobs = draw(logits, self.params, state.noise[rows, state.counts.clamp(max=last - 1)])
        place = state.counts.where(state.going, last)
        state.tokens[rows, place], state.logprobs[rows, place] = drawn, logprobs
        state.counts.add_(state.going)
        state.going.logical_and_(~torch.isin(drawn, self._stops) & (state.counts < last))
        state.drawn.copy_(drawn)

    def _prefill(self) -> Tensor:
        """Feed what no cache holds yet, once for conversations that are equal; return the next logits [B, V]."""
        conversations = [ask.conversation for ask in self.asks]
        seen: dict[tuple[int, ...], int] = {}
        index = [seen.setdefault(tuple(c.ids), len(seen)) for c in conversations]
        first = [index.index(row) for row in range(len(seen))]
        block = max(len(conversations[i].ids) - _cached(conversations[i]) for i in first)
        self._cache.fill([_shortened(conversations[i], block) for i in first], self.column - block)
        ids = torch.tensor([_tail(conversations[i].ids, block) for i in first], device=self.policy.device)
        logits = self._forward(ids, self._rows.starts[torch.tensor(first, device=self.policy.device)])
        for conversation in conversations:
            conversation.past = None
        if len(first) == len(index):
            return logits
        expand = torch.tensor(index, device=self.policy.device)
        self._cache.select(expand)
        return logits[expand]

    def _forward(self, ids: Tensor, starts: Tensor) -> Tensor:
        """Feed the tokens [B, n] of the last filled columns; return the next logits [B, V]."""
        columns = torch.arange(self.column, device=ids.device)
        output = self.policy.model(
            input_ids=ids,
            attention_mask=columns >= starts[:, None],
            position_ids=(columns[-ids.shape[1] :] - starts[:, None]).clamp(min=0),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1]


def _cached(conversation: Conversation) -> int:
    return conversation.past.length if conversation.past else 0


def _shortened(conversation: Conversation, block: int) -> Past | None:
    """Return the past without what the block feeds again.

    Every row feeds the same number of tokens. One with less to add feeds some of its old tokens a second
    time, where padding would stand otherwise, so that no gap ever opens inside a row.
    """
    past = conversation.past
    length = max(len(conversation.ids) - block, 0)
    return Past(past.buffers, past.row, past.start, length) if past else None


def _tail(ids: Sequence[int], block: int) -> list[int]:
    """Return the last `block` ids, padded on the left (with any id: the mask hides it)."""
    return [0] * (block - len(ids)) + list(ids[-block:])
