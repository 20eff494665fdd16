"""The door between the collector and whatever generates tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.sampling import SamplingParams


@dataclass(frozen=True)
class Completion:
    """One finished turn.

    Attributes:
        handle: of the conversation.
        token_ids: the sampled tokens, a sampled stop token included.
        logprobs: their log-probabilities under the sampler as it really sampled, same length.
        finish_reason: ``"stop"`` or ``"length"``; anything on a turn that has failed, which has no tokens, or some
            without a probability.
    """

    handle: int
    token_ids: list[int]
    logprobs: list[float]
    finish_reason: str


class Engine(Protocol):
    """Keeps conversations as token ids and continues them.

    The caller names conversations by integers. A turn is: `append` what is new, `submit`, `poll` until the
    completion comes; the engine then holds the sampled tokens too. No call waits for other conversations.
    """

    def append(self, handle: int, ids: Sequence[int]) -> None:
        """Add tokens to a conversation; an unknown handle opens one."""
        ...

    def submit(self, handle: int, params: SamplingParams, stream: int) -> None:
        """Ask for the next turn; `stream` names its noise, see `sampling.stream_key`."""
        ...

    def poll(self) -> list[Completion]:
        """Return turns that have finished since the last call; empty only when nothing is submitted."""
        ...

    def release(self, handle: int) -> None:
        """Forget a conversation, and a turn of it that was submitted."""
        ...

    def sync(self, policy: CausalLMPolicy) -> int:
        """Take the policy's weights as they are now, drop what was cached under others, return their version."""
        ...
