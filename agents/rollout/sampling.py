"""How a token is drawn: the distribution, the noise, and the log-probability of what was really drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textenvs.errors import ConfigError


@dataclass(frozen=True)
class SamplingParams:
    """The sampler. The defaults are exactly ``softmax(logits)``; a checkpoint's own settings play no part.

    Attributes:
        temperature: the logits are divided by it; > 0.
        max_new_tokens: longest turn in tokens, its stop token included.
        top_k: keep the k likeliest tokens; 0 keeps all.
        top_p: keep the smallest set of likeliest tokens that holds this much probability; 1 keeps all.
        epsilon: share of a uniform distribution over the likeliest tokens mixed in, for exploration; in [0, 1).
        epsilon_top_k: how many of the likeliest tokens that distribution covers; at least 1.
        greedy: take the likeliest token; its behaviour log-probability is 0, since nothing is random.
        seed: of the noise.
    """

    temperature: float = 1.0
    max_new_tokens: int = 64
    top_k: int = 0
    top_p: float = 1.0
    epsilon: float = 0.0
    epsilon_top_k: int = 20
    greedy: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        rules = (
            (self.temperature > 0, f"temperature={self.temperature} must be above 0 (or set greedy=True)"),
            (self.max_new_tokens >= 1, f"max_new_tokens={self.max_new_tokens} must be at least 1"),
            (self.top_k >= 0, f"top_k={self.top_k} must not be negative"),
            (0 < self.top_p <= 1, f"top_p={self.top_p} must lie in (0, 1]"),
            (0 <= self.epsilon < 1, f"epsilon={self.epsilon} must lie in [0, 1)"),
            (self.epsilon_top_k >= 1, f"epsilon_top_k={self.epsilon_top_k} must be at least 1"),
        )
        broken = [rule for kept, rule in rules if not kept]
        if broken:
            raise ConfigError("; ".join(broken))


def behavior_logprobs(logits: Tensor, params: SamplingParams) -> Tensor:
    """Return the log-probabilities [B, V] under which tokens are drawn from logits [B, V].

    Temperature first, then truncation (renormalised), then the mixture with the uniform distribution.
    """
    scaled = logits.float() / params.temperature
    if params.top_k:
        scaled = _keep_top_k(scaled, params.top_k)
    if params.top_p < 1.0:
        scaled = _keep_top_p(scaled, params.top_p)
    logprobs = torch.log_softmax(scaled, dim=-1)
    return _mix_uniform(logprobs, params.epsilon, params.epsilon_top_k) if params.epsilon else logprobs


def draw(logits: Tensor, params: SamplingParams, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Draw one token per row by inverting the cumulative distribution.

    Args:
        logits: [B, V].
        params: the sampler.
        uniforms: [B] float64 in [0, 1), one per row.

    Returns:
        The tokens [B] and their behaviour log-probabilities [B].
    """
    if params.greedy:
        return logits.argmax(-1), torch.zeros(len(logits), device=logits.device)
    logprobs_BV = behavior_logprobs(logits, params)
    # float64: at a vocabulary of 152k, float32 sums are off by more than the rarest tokens are worth.
    cumulative_BV = logprobs_BV.exp().cumsum(-1, dtype=torch.float64)
    threshold = uniforms[:, None] * cumulative_BV[:, -1:]
    tokens = torch.searchsorted(cumulative_BV, threshold, right=True).clamp(max=logits.shape[-1] - 1)
    return tokens.squeeze(1), logprobs_BV.gather(1, tokens).squeeze(1)


def _keep_top_k(logits: Tensor, k: int) -> Tensor:
    kept = logits.topk(min(k, logits.shape[-1]), dim=-1)
    return torch.full_like(logits, -torch.inf).scatter(-1, kept.indices, kept.values)


def _mix_uniform(logprobs: Tensor, epsilon: float, k: int) -> Tensor:
    """Return ``(1 - epsilon) p + epsilon u``, u being uniform over the k likeliest of the possible tokens."""
    top = logprobs.topk(min(k, logprobs.shape[-1]), dim=-1)
    possible = top.values > -torch.inf
    share = math.log(epsilon) - possible.sum(-1, keepdim=True).log()
    uniform = torch.full_like(logprobs, -torch.inf).scatter(-1, top.indices, share.where(possible, -torch.inf))
    return torch.logaddexp(logprobs + math.log1p(-epsilon), uniform)


def _keep_top_p(logits: Tensor, p: float) -> Tensor:
    ordered, order = logits.sort(dim=-1, descending=True)
    probs = ordered.softmax(-1)
    before = probs.cumsum(-1) - probs
    return logits.masked_fill(torch.zeros_like(before, dtype=torch.bool).scatter(-1, order, before >= p), -torch.inf)


_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def stream_key(*parts: int) -> int:
    """Hash (seed, update, item, member, turn) to the 64-bit name of one turn's noise."""
    key = 0
    for part in parts:
        key = int(_mix(np.array([(key + _GOLDEN) & _MASK ^ (part & _MASK)], dtype=np.uint64))[0])
    return key


def uniforms(streams: NDArray[np.uint64], length: int) -> NDArray[np.float64]:
    """Return the noise [B, length] of B turns: a function of stream and position, of nothing else.

    A counter-based generator: position t of a stream is the SplitMix64 output for the counter t
    (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", figure 17).
    """
    steps = np.arange(1, length + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
    bits = _mix(streams[:, None] + steps[None, :]) >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
