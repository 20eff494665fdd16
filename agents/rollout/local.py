"""The in-process engine: batched decoding with a key-value cache that lives as long as its conversation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.decoding import Ask, Batch, Conversation
from agents.rollout.engine import Completion
from agents.rollout.kv_cache import bytes_per_token, nbytes
from agents.rollout.sampling import SamplingParams

CACHE_BYTES = 8 << 30
"""Memory for keys and values, where nothing else is said."""


class LocalEngine:
    """An `Engine` over the policy's own model, in this process.

    A conversation keeps its keys and values between turns, so that a turn costs what is new in it; conversations with
    the same tokens (a group's first turn) share one prefill. A `poll` decodes until a quarter of the batch has
    finished, and returns that quarter: those who wait take its place at the next `poll`, among the unfinished.

    Args:
        policy: whose model samples.
        max_batch: most conversations that decode together.
        cache_bytes: most memory for keys and values. Conversations that have to wait for it are decoded later, and
            those whose keys and values do not fit between two turns, the longest unused first, compute them again.
            A single conversation that needs more is decoded all the same.
    """

    def __init__(self, policy: CausalLMPolicy, max_batch: int = 512, cache_bytes: int = CACHE_BYTES) -> None:
        self.policy = policy
        self.max_batch = max_batch
        self.cache_bytes = cache_bytes
        self._conversations: dict[int, Conversation] = {}  # the longest unused first
        self._waiting: dict[SamplingParams, list[Ask]] = defaultdict(list)
        self._running: dict[SamplingParams, Batch] = {}
        self._version = policy.weights_version

    def append(self, handle: int, ids: Sequence[int]) -> None:
        """Add tokens to a conversation; an unknown handle opens one."""
        self._conversations.setdefault(handle, Conversation()).ids.extend(ids)

    def submit(self, handle: int, params: SamplingParams, stream: int) -> None:
        """Ask for the next turn of a conversation that `append` has opened."""
        conversation = self._conversations[handle]
        if not conversation.ids:
            raise ValueError(f"conversation {handle} is empty: nothing would predict its first token")
        self._waiting[params].append(Ask(handle, conversation, stream))

    def release(self, handle: int) -> None:
        """Forget a conversation, and a turn of it that was submitted."""
        self._conversations.pop(handle, None)

    def sync(self, policy: CausalLMPolicy) -> int:
        """Take the policy's weights as they are now; keys and values from other weights are dropped.

        Turns that were under way begin again.
        """
        if policy is not self.policy or policy.weights_version != self._version:
            self.policy, self._version = policy, policy.weights_version
            for params, batch in self._running.items():
                self._waiting[params] = [*batch.asks, *self._waiting[params]]
            self._running.clear()
            for conversation in self._conversations.values():
                conversation.past = None
        return self._version

    def poll(self) -> list[Completion]:
        """Decode until some of the turns have finished, and return those."""
        completions: list[Completion] = []
        with _sampling_mode(self.policy):
            for params in {**self._running, **self._waiting}:
                batch = self._batch(params)
                if batch is not None:
                    completions += self._decode(batch)
        self._forget_what_does_not_fit()
        return completions

    def _decode(self, batch: Batch) -> list[Completion]:
        batch.run()
        completions = batch.take_finished()
        for completion in completions:
            self._conversations[completion.handle] = self._conversations.pop(completion.handle)
        if batch.asks:
            self._running[batch.params] = batch
        return completions

    def _batch(self, params: SamplingParams) -> Batch | None:
        """Return what goes on with a sampler: the turns under way, and those who wait, as far as there is room."""
        running = self._running.pop(params, None)
        if running is not None:
            running.keep([row for row, ask in enumerate(running.asks) if self._is_open(ask)])
            running = running if running.asks else None
        admitted = self._admit(params, running)
        if not admitted:
            return running
        fresh = Batch(self.policy, admitted, params)
        if running is None:
            return fresh
        running.join(fresh)
        return running

    def _admit(self, params: SamplingParams, running: Batch | None) -> list[Ask]:
        """Take out of the waiting, first come first served, as many as there is room for."""
        waiting = [ask for ask in self._waiting.pop(params, []) if self._is_open(ask)]
        rows, width = (len(running.asks), running.column) if running else (0, 0)
        room = self.cache_bytes // bytes_per_token(self.policy.model)
        count = 0
        for ask in waiting:
            rows, width = rows + 1, max(width, len(ask.conversation.ids))
            if rows > self.max_batch or (rows > 1 and rows * (width + params.max_new_tokens) > room):
                break
            count += 1
        if waiting[count:]:
            self._waiting[params] = waiting[count:]
        return waiting[:count]

    def _is_open(self, ask: Ask) -> bool:
        return self._conversations.get(ask.handle) is ask.conversation

    def _forget_what_does_not_fit(self) -> None:
        """Drop keys and values of conversations that wait for their world: the longest unused beyond the memory."""
        room = self.cache_bytes - sum(batch.nbytes for batch in self._running.values())
        kept: set[int] = set()
        for conversation in reversed(self._conversations.values()):
            past = conversation.past
            if past is None or id(past.buffers) in kept:
                continue
            if nbytes(past.buffers) > room:
                conversation.past = None
            else:
                room -= nbytes(past.buffers)
                kept.add(id(past.buffers))


@contextmanager
def _sampling_mode(policy: CausalLMPolicy) -> Iterator[None]:
    """Sample without dropout and without gradients, and leave the policy as it was."""
    training = bool(policy.model.training)
    policy.eval()
    try:
        with torch.inference_mode(), policy.precision():
            yield
    finally:
        if training:
            policy.train()
