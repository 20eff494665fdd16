"""What a policy says about tokens: log-probability and entropy, a bounded number of distributions at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

LOGITS_AT_ONCE = 1 << 24
"""Most logits in memory at once, where there are more than one token's: 64 MB in float32."""


@dataclass(frozen=True)
class TokenScores:
    """What the policy says about N selected tokens, row-major over the selection.

    Attributes:
        logprobs: [N] log-probability of each token under ``softmax(logits / temperature)``.
        entropy: [N] entropy in nats of the distribution that the token was drawn from.
        values: [N] the critic's value of the state before each token; None without a critic.
    """

    logprobs: Tensor
    entropy: Tensor
    values: Tensor | None = None

    @classmethod
    def of(cls, logprobs_NV: Tensor, tokens_N: Tensor) -> Self:
        """Return the scores of tokens that were drawn from these distributions."""
        entropy = -(logprobs_NV.exp() * logprobs_NV).sum(-1)
        return cls(logprobs_NV.gather(1, tokens_N[:, None]).squeeze(1), entropy)


def distributions(logits_NV: Tensor, temperature_N: Tensor) -> Tensor:
    """Return the log-probabilities [N, V] of ``softmax(logits / temperature)``, in float32."""
    return torch.log_softmax(logits_NV.float() / temperature_N[:, None], dim=-1)


def score_states(
    head: Callable[[Tensor], Tensor], states_NH: Tensor, tokens_N: Tensor, temperature_N: Tensor, vocabulary: int
) -> TokenScores:
    """Score tokens from the states before them.

    The output layer is run on as many states at a time as `LOGITS_AT_ONCE` allows, and once more in the backward pass
    where they are several portions: so memory grows with the tokens and with the vocabulary, never with the product.

    Args:
        head: from states [n, H] to logits [n, V].
        states_NH: [N, H].
        tokens_N: [N] long, the tokens that were drawn.
        temperature_N: [N] at which they were.
        vocabulary: `V`.
    """

    def score(states_nH: Tensor, tokens_n: Tensor, temperature_n: Tensor) -> tuple[Tensor, Tensor]:
        scores = TokenScores.of(distributions(head(states_nH), temperature_n), tokens_n)
        return scores.logprobs, scores.entropy

    size = max(1, LOGITS_AT_ONCE // vocabulary)
    if len(tokens_N) <= size:
        return TokenScores(*score(states_NH, tokens_N, temperature_N))
    portions = zip(*[part.split(size) for part in (states_NH, tokens_N, temperature_N)], strict=True)
    scored = [checkpoint(score, *portion, use_reentrant=False, preserve_rng_state=False) for portion in portions]
    logprobs, entropy = (torch.cat(parts) for parts in zip(*scored, strict=True))
    return TokenScores(logprobs, entropy)
