"""An induction head made by hand: a fresh network that can copy before it has learned anything.

Copying what the context holds takes two heads in a row: one that notes at every token which token stood before it,
and one that looks for the places where the current token was noted, and passes on what stands there. A small model
finds this circuit late and learns names by heart until then. Here both are written into the initial weights;
training is free to keep, sharpen or drop them. The architecture is unchanged.

Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Olsson et al. 2022, "In-context
Learning and Induction Heads".

The residual stream of width H, with heads of width D, is laid out as

    [0, H - D - 1)   what the token is
    H - D - 1        a constant
    [H - D, H)       what the token before it was
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

FAST_PAIRS = 3
"""Rotary pairs that tell the position to the left from all others: the fastest."""

SLOW = 0.02
"""Rotary pairs that turn by less than this per token (in radians) compare contents at any distance."""

SHARPNESS = 2.0
"""Factor on queries and keys of the first head, in place of a norm's 1; the second gets its square root."""

COPY_GAIN = 4.0
"""How strongly the copied token outweighs the current one in the residual stream."""

LOGIT_GAIN = 2.0
"""Weight of the last norm: how sure the copies are from the start."""

DAMPING = 0.1
"""Factor on what every other head and layer writes, so that it does not drown the circuit."""


@torch.no_grad()
def install_induction(network: Any, seed: int) -> None:
    """Write the circuit into a freshly initialised network.

    Args:
        network: a Qwen3 model with at least two layers and three heads, as many key and value heads, and tied
            embeddings.
        seed: of the random projections.
    """
    generator = torch.Generator().manual_seed(seed)
    width, head = network.config.hidden_size, network.model.layers[0].self_attn.head_dim
    identity = width - head - 1
    scale = network.config.initializer_range
    for layer in network.model.layers:
        layer.self_attn.o_proj.weight.mul_(DAMPING)
        layer.mlp.down_proj.weight.mul_(DAMPING)
    embeddings = network.model.embed_tokens.weight
    embeddings[:, identity] = 2 * scale
    embeddings[:, identity + 1 :] = 0
    network.model.norm.weight.fill_(LOGIT_GAIN)
    note = torch.linalg.qr(torch.randn(identity, head, generator=generator))[0].T
    turns = _rotary_frequencies(network)
    _write_previous_token_head(network.model.layers[0].self_attn, note, turns, scale)
    _write_induction_heads(network.model.layers[1].self_attn, note, turns, scale, generator)


def _rotary_frequencies(network: Any) -> Tensor:
    """Return the angle [D / 2] by which each rotary pair turns per token."""
    theta: float = network.config.rope_parameters["rope_theta"]
    half = network.model.layers[0].self_attn.head_dim // 2
    return theta ** (-torch.arange(half) / half)


def _write_previous_token_head(attention: Any, note: Tensor, turns: Tensor, scale: float) -> None:
    """Let head 0 attend one token to the left, and note there what that token is.

    Queries and keys come from the constant alone. The query is turned back by one token, so that after the rotary
    embedding it points at the key of the position before.
    """
    head, identity = note.shape
    query, key = torch.zeros(2, head, attention.q_proj.in_features)
    for pair in range(FAST_PAIRS):
        key[pair, identity] = 1.0
        query[pair, identity] = torch.cos(turns[pair])
        query[pair + head // 2, identity] = -torch.sin(turns[pair])
    attention.q_proj.weight[:head], attention.k_proj.weight[:head] = query, key
    attention.q_norm.weight.fill_(SHARPNESS)
    attention.k_norm.weight.fill_(SHARPNESS)
    attention.v_proj.weight[:head] = 0
    attention.v_proj.weight[:head, :identity] = note
    attention.o_proj.weight[:, :head] = 0
    attention.o_proj.weight[identity + 1 :, :head] = scale * torch.eye(head)


def _write_induction_heads(
    attention: Any, note: Tensor, turns: Tensor, scale: float, generator: torch.Generator
) -> None:
    """Let all heads but the last look for the places that noted the current token, and pass on what stands there.

    Each compares another random projection and carries another stretch of what the token is.
    """
    head, identity = note.shape
    slow = torch.nonzero(turns < SLOW).flatten()
    rows = torch.cat([slow, slow + head // 2])
    for start in range(0, attention.q_proj.out_features - head, head):
        own = slice(start, start + head)
        match = torch.zeros(head, head)
        match[rows] = torch.randn(len(rows), head, generator=generator)
        for weight in (attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight):
            weight[own] = 0
        attention.q_proj.weight[own, :identity] = match @ note
        attention.k_proj.weight[own, identity + 1 :] = match
        carried = torch.arange(start, min(start + head, identity))
        attention.v_proj.weight[carried, carried] = 1.0
        attention.o_proj.weight[:, own] = 0
        attention.o_proj.weight[carried, carried] = COPY_GAIN * scale
    attention.q_norm.weight.fill_(SHARPNESS**0.5)
    attention.k_norm.weight.fill_(SHARPNESS**0.5)
