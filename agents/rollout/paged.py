"""The engine for a GPU: transformers' continuous batching, whose keys and values lie in pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.engine import Completion
from agents.rollout.sampling import SamplingParams
from textenvs.errors import ConfigError

PATIENCE_S = 0.2
"""How long to wait for a result before looking whether generation still lives, in seconds."""


class PagedEngine:
    """An `Engine` over the policy's own model by transformers' continuous batching.

    Generation runs beside the caller from the first turn that is asked for until the last one is there; between, the
    model is as it was. That its weights are too, in type and in value, is checked every time. What conversations have
    in common, with a group's others or with their own earlier turns, shares pages where the model allows it.

    On a GPU this is faster than the `LocalEngine`, and on a CPU slower. The noise is transformers' own: it follows from
    the first turn's stream and from the batches, so that a turn in other company draws other tokens.

    Args:
        policy: whose model samples.
        paging: transformers' settings of the pages; by default they take half of the memory that is free.
    """

    def __init__(self, policy: CausalLMPolicy, paging: ContinuousBatchingConfig | None = None) -> None:
        self.policy = policy
        self.paging = paging or ContinuousBatchingConfig(max_memory_percent=0.5)
        self._conversations: dict[int, list[int]] = {}
        self._waiting: dict[int, tuple[SamplingParams, int]] = {}
        self._session: Session | None = None

    def append(self, handle: int, ids: Sequence[int]) -> None:
        """Add tokens to a conversation; an unknown handle opens one."""
        self._conversations.setdefault(handle, []).extend(ids)

    def submit(self, handle: int, params: SamplingParams, stream: int) -> None:
        """Ask for the next turn.

        Raises:
            ConfigError: the sampler mixes in a uniform distribution, which transformers' has no place for.
        """
        if not self._conversations[handle]:
            raise ValueError(f"conversation {handle} is empty: nothing would predict its first token")
        if params.epsilon:
            raise ConfigError(f"epsilon={params.epsilon}: the paged engine cannot mix it in; use the local engine")
        self._waiting[handle] = (params, stream)

    def release(self, handle: int) -> None:
        """Forget a conversation, and a turn of it that was submitted."""
        self._waiting.pop(handle, None)
        if self._conversations.pop(handle, None) is not None and self._session is not None:
            self._session.cancel(handle)
            self._close_if_idle()

    def sync(self, policy: CausalLMPolicy) -> int:
        """Take the policy's weights as they are now; turns that were under way begin again."""
        if self._session is not None:
            again = dict.fromkeys(self._session.pending.values(), (self._session.params, self._session.seed))
            self._waiting = {**again, **self._waiting}
            self._session.pending.clear()
            self._close_if_idle()
        self.policy = policy
        return policy.weights_version

    def poll(self) -> list[Completion]:
        """Return turns that have finished since the last call, and wait where there is none yet."""
        if self._waiting and self._session is None:
            self._session = Session(self.policy, *next(iter(self._waiting.values())), self.paging)
        if self._session is None:
            return []
        for handle in [h for h, (params, _) in self._waiting.items() if params == self._session.params]:
            del self._waiting[handle]
            self._session.ask(handle, self._conversations[handle])
        completions = list(self._session.results())
        for completion in completions:
            self._conversations[completion.handle].extend(completion.token_ids)
        self._close_if_idle()
        return completions

    def _close_if_idle(self) -> None:
        if self._session is not None and not self._session.pending:
            session, self._session = self._session, None
            session.close()


class Session:
    """Generation under way with one sampler, in a thread of transformers' own.

    Args:
        policy: whose model samples; its weights must not change before `close`.
        params: the sampler.
        seed: of the noise.
        paging: of the pages.

    Attributes:
        params: as given.
        seed: as given.
        pending: the conversation of every request that is not answered yet.
    """

    def __init__(
        self, policy: CausalLMPolicy, params: SamplingParams, seed: int, paging: ContinuousBatchingConfig
    ) -> None:
        self.params = params
        self.seed = seed
        self.pending: dict[str, int] = {}
        self._stops = policy.chat.stop_ids
        model = policy.model
        self._model = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._training = bool(model.training)
        self._weights = fingerprint(self._model)
        self._manager = self._model.init_continuous_batching(
            generation_config=_generation(params, self._stops),
            continuous_batching_config=replace(paging, return_logprobs=True, seed=seed % (1 << 63)),
        )
        self._manager.start()

    def ask(self, handle: int, ids: Sequence[int]) -> None:
        """Ask for the next turn of a conversation."""
        self.pending[str(self._manager.add_request(list(ids)))] = handle

    def cancel(self, handle: int) -> None:
        """Forget the turn of a conversation, if there is one."""
        for request in [request for request, owner in self.pending.items() if owner == handle]:
            del self.pending[request]
            self._manager.cancel_request(request)

    def results(self) -> Iterator[Completion]:
        """Yield what has finished, at least one turn where any is pending.

        Raises:
            RuntimeError: if generation has ended by itself.
        """
        found = False
        while self.pending:
            output = self._manager.get_result(timeout=0.0 if found else PATIENCE_S)
            if output is None and found:
                return
            if output is None and not self._manager.is_running():
                self.pending.clear()
                raise RuntimeError("transformers' continuous batching ended by itself; its log says why")
            handle = self.pending.pop(output.request_id, None) if output is not None else None
            if handle is not None:
                found = True
                yield self._completion(handle, output)

    def close(self) -> None:
        """End generation, and leave the model as it was.

        Raises:
            RuntimeError: if a weight has another type or another value than before.
        """
        self._manager.stop(hard_stop=True)
        self._manager.destroy()
        self._model.train(self._training)
        after = fingerprint(self._model)
        changed = [name for name, weight in self._weights.items() if after.get(name) != weight]
        if changed:
            raise RuntimeError(
                f"transformers' continuous batching changed {len(changed)} weights, {changed[0]} among them: "
                f"{self._weights[changed[0]]} became {after.get(changed[0])}; use the local engine"
            )

    def _completion(self, handle: int, output: Any) -> Completion:
        if output.error is not None:
            return Completion(handle, [], [], str(output.error))
        ids = list(output.generated_tokens)
        logprobs = [0.0] * len(ids) if self.params.greedy else list(output.logprobs)
        return Completion(handle, ids, logprobs, "stop" if ids and ids[-1] in self._stops else "length")


_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Integers as wide as a weight, by bytes."""


def fingerprint(model: torch.nn.Module) -> dict[str, tuple[str, str, int]]:
    """Return type, place and a checksum of every weight: equal bits give equal sums."""
    known: dict[str, tuple[str, str, int]] = {}
    for name, weight in model.named_parameters():
        bits = weight.detach().contiguous().view(_BITS[weight.element_size()])
        known[name] = (str(weight.dtype), str(weight.device), int(bits.sum(dtype=torch.int64)))
    return known


def _generation(params: SamplingParams, stops: Sequence[int]) -> GenerationConfig:
    """Return the sampler as transformers has it, a checkpoint's own settings overridden."""
    return GenerationConfig(
        max_new_tokens=params.max_new_tokens,
        do_sample=not params.greedy,
        temperature=params.temperature,
        top_k=params.top_k,
        top_p=params.top_p,
        eos_token_id=list(stops) or [-1],
        pad_token_id=0,
        use_cache=True,
    )
