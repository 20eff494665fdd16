"""The in-process engine: batched decoding with a key-value cache that lives as long as its conversation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.engine import Completion
from agents.rollout.kv_cache import BatchCache, Past
from agents.rollout.sampling import SamplingParams, draw, uniforms


@dataclass
class _Conversation:
    """The tokens of one conversation, and where their keys and values lie."""

    ids: list[int] = field(default_factory=list[int])
    past: Past | None = None


class LocalEngine:
    """An `Engine` over the policy's own model, in this process.

    A `poll` runs everything submitted to its end, in batches of similar length. A conversation keeps its keys
    and values between turns, so that a turn costs what is new in it; conversations with the same tokens (a
    group's first turn) share one prefill; rows that have finished leave the batch.

    Args:
        policy: whose model samples.
        max_batch: most conversations that decode together.
    """

    def __init__(self, policy: CausalLMPolicy, max_batch: int = 512) -> None:
        self.policy = policy
        self.max_batch = max_batch
        self._conversations: dict[int, _Conversation] = {}
        self._submitted: dict[SamplingParams, list[tuple[int, int]]] = defaultdict(list)
        self._version = policy.weights_version

    def append(self, handle: int, ids: Sequence[int]) -> None:
        """Add tokens to a conversation; an unknown handle opens one."""
        self._conversations.setdefault(handle, _Conversation()).ids.extend(ids)

    def submit(self, handle: int, params: SamplingParams, stream: int) -> None:
        """Ask for the next turn of a conversation that `append` has opened."""
        if not self._conversations[handle].ids:
            raise ValueError(f"conversation {handle} is empty: nothing would predict its first token")
        self._submitted[params].append((handle, stream))

    def release(self, handle: int) -> None:
        """Forget a conversation, and a turn of it that was submitted."""
        self._conversations.pop(handle, None)

    def sync(self, policy: CausalLMPolicy) -> int:
        """Take the policy's weights as they are now; keys and values from other weights are dropped."""
        if policy is not self.policy or policy.weights_version != self._version:
            self.policy, self._version = policy, policy.weights_version
            for conversation in self._conversations.values():
                conversation.past = None
        return self._version

    def poll(self) -> list[Completion]:
        """Run every submitted turn to its end and return them all."""
        completions: list[Completion] = []
        with _sampling_mode(self.policy):
            for params, submitted in self._submitted.items():
                turns = [turn for turn in submitted if turn[0] in self._conversations]
                turns.sort(key=lambda turn: (len(self._conversations[turn[0]].ids), turn[0]))
                for first in range(0, len(turns), self.max_batch):
                    completions += self._decode(turns[first : first + self.max_batch], params)
        self._submitted.clear()
        return completions

    def _decode(self, turns: Sequence[tuple[int, int]], params: SamplingParams) -> list[Completion]:
        handles = [handle for handle, _ in turns]
        noise = uniforms(np.array([stream for _, stream in turns], dtype=np.uint64), params.max_new_tokens)
        batch = _Batch(self.policy, [self._conversations[handle] for handle in handles], params.max_new_tokens)
        tokens, logprobs, lengths = batch.run(params, torch.from_numpy(noise).to(self.policy.device))
        completions: list[Completion] = []
        for row, handle in enumerate(handles):
            ids = tokens[row, : lengths[row]].tolist()
            self._conversations[handle].ids.extend(ids)
            reason = "stop" if ids[-1] in self.policy.chat.stop_ids else "length"
            completions.append(Completion(handle, ids, logprobs[row, : lengths[row]].tolist(), reason))
        return completions


class _Batch:
    """Conversations that decode together, right-aligned in one cache."""

    def __init__(self, policy: CausalLMPolicy, conversations: Sequence[_Conversation], max_new_tokens: int) -> None:
        self.policy = policy
        self.conversations = conversations
        self.device = policy.device
        self.lengths = [len(conversation.ids) for conversation in conversations]
        self.width = max(self.lengths)
        columns = torch.arange(self.width + max_new_tokens, device=self.device)
        starts = torch.tensor([self.width - length for length in self.lengths], device=self.device)
        self.mask = columns >= starts[:, None]
        self.starts = starts
        layers = policy.model.config.get_text_config().num_hidden_layers
        self.cache = BatchCache(layers, self.width + max_new_tokens)

    def run(self, params: SamplingParams, noise: Tensor) -> tuple[Tensor, Tensor, list[int]]:
        """Decode until every row has stopped.

        Returns:
            Tokens and log-probabilities [B, max_new_tokens], and each row's number of tokens.
        """
        size, last = len(self.lengths), params.max_new_tokens
        rows = torch.arange(size, device=self.device)
        tokens = torch.zeros(size, last, dtype=torch.long, device=self.device)
        logprobs = torch.zeros(size, last, device=self.device)
        counts = torch.full((size,), last, device=self.device)
        stops = torch.tensor(self.policy.chat.stop_ids, device=self.device)
        logits = self._prefill()
        for step in range(last):
            drawn, drawn_logprobs = draw(logits, params, noise[rows, step])
            tokens[rows, step], logprobs[rows, step] = drawn, drawn_logprobs
            stopped = rows[torch.isin(drawn, stops)]
            counts[stopped] = counts[stopped].clamp(max=step + 1)
            going = counts[rows] > step + 1
            if step + 1 == last or not bool(going.any()):
                break
            rows, drawn = self._compact(rows, drawn, going, counts)
            logits = self._step(rows, drawn, step)
        self._remember(rows, counts)
        return tokens.cpu(), logprobs.cpu(), counts.tolist()

    def _prefill(self) -> Tensor:
        """Feed what no cache holds yet, once for conversations that are equal; return the next logits [B, V]."""
        seen: dict[tuple[int, ...], int] = {}
        index = [seen.setdefault(tuple(c.ids), len(seen)) for c in self.conversations]
        first = [index.index(row) for row in range(len(seen))]
        block = max(len(self.conversations[i].ids) - _cached(self.conversations[i]) for i in first)
        pasts = [_shortened(self.conversations[i], block) for i in first]
        self.cache.fill(pasts, self.width - block)
        ids = torch.tensor([_tail(self.conversations[i].ids, block) for i in first], device=self.device)
        chosen = torch.tensor(first, device=self.device)
        columns = torch.arange(self.width - block, self.width, device=self.device)
        positions = (columns - self.starts[chosen, None]).clamp(min=0)
        logits = self._forward(ids, self.mask[chosen, : self.width], positions)
        if len(first) == len(index):
            return logits
        expand = torch.tensor(index, device=self.device)
        self.cache.select(expand)
        return logits[expand]

    def _step(self, rows: Tensor, drawn: Tensor, step: int) -> Tensor:
        column = self.width + step
        positions = (column - self.starts[rows])[:, None]
        return self._forward(drawn[:, None], self.mask[rows, : column + 1], positions)

    def _forward(self, ids: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        output = self.policy.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1]

    def _compact(self, rows: Tensor, drawn: Tensor, going: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Drop the finished rows once they are a quarter of the batch: until then, copying costs more than they do."""
        if int(going.sum()) > 0.75 * len(rows):
            return rows, drawn
        self._remember(rows[~going], counts, (~going).nonzero()[:, 0])
        self.cache.select(going.nonzero()[:, 0])
        return rows[going], drawn[going]

    def _remember(self, rows: Tensor, counts: Tensor, cache_rows: Tensor | None = None) -> None:
        """Note where the keys and values of finished conversations lie; the last sampled token has none."""
        buffers = self.cache.buffers()
        where = range(len(rows)) if cache_rows is None else cache_rows.tolist()
        for row, cache_row, count in zip(rows.tolist(), where, counts[rows].tolist(), strict=True):
            length = self.lengths[row]
            self.conversations[row].past = Past(buffers, cache_row, self.width - length, length + count - 1)


def _cached(conversation: _Conversation) -> int:
    return conversation.past.length if conversation.past else 0


def _shortened(conversation: _Conversation, block: int) -> Past | None:
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


@contextmanager
def _sampling_mode(policy: CausalLMPolicy) -> Iterator[None]:
    """Sample without dropout and without gradients, and leave the policy as it was."""
    training = bool(policy.model.training)
    policy.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        if training:
            policy.train()
