"""Running a causal language model for a selection of positions only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from agents.policies.prefixes import pack

MASKABLE = ("eager", "sdpa")
"""The implementations of attention that take a mask for every pair of tokens, so that rows can share a prompt."""


def predictors(select: Tensor) -> Tensor:
    """Return the mask [B, L] of the positions that predict the selected tokens: one to the left of each.

    Raises:
        ValueError: the first token of a row is selected.
    """
    if bool(select[:, 0].any()):
        raise ValueError("the first token of a row cannot be scored: nothing predicts it")
    return torch.nn.functional.pad(select[:, 1:], (0, 1))


def decoder(model: Any) -> Any:
    """Return a causal language model without its output layer; an adapter stays in it."""
    return (model.get_base_model() if hasattr(model, "get_base_model") else model).get_decoder()


def logits_at(
    model: Any,
    token_ids: Tensor,
    attention_mask: Tensor,
    positions: Tensor,
    weights: Mapping[str, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the model, and its output layer at the chosen positions only.

    Args:
        model: a causal language model, with or without an adapter.
        token_ids: [B, L] long; padded on either side.
        attention_mask: [B, L] bool, true on real tokens.
        positions: [B, L] bool, where the logits are wanted.
        weights: take the place of the parameters of these names, for this call only.

    Returns:
        The logits [N, V] and the last hidden states [N, H], row-major over `positions`.
    """
    inputs, places = _prepare(model, token_ids, attention_mask, positions)
    with _only_at(model.get_output_embeddings(), places) as seen:
        if weights is None:
            output = model(**inputs)
        else:
            output = torch.func.functional_call(model, dict(weights), args=(), kwargs=inputs)
    return output.logits, seen[0]


def states_at(trunk: Any, token_ids: Tensor, attention_mask: Tensor, positions: Tensor) -> Tensor:
    """Run a transformer without output layer; returns its last hidden states [N, H] at the chosen positions.

    Args:
        trunk: what transformers calls the decoder of a causal language model.
        token_ids: [B, L] long; padded on either side.
        attention_mask: [B, L] bool, true on real tokens.
        positions: [B, L] bool, where the states are wanted.
    """
    inputs, places = _prepare(trunk, token_ids, attention_mask, positions)
    return trunk(**inputs).last_hidden_state[places]


Places = Tensor | tuple[Tensor, Tensor]
"""Positions of rows: a mask, or rows and columns."""


def _prepare(model: Any, token_ids: Tensor, attention_mask: Tensor, positions: Tensor) -> tuple[dict[str, Any], Places]:
    """Return the model's arguments, and where in its output the positions are; a common prompt is fed once."""
    weight = next(model.parameters())
    packed = None
    if _is_right_padded(attention_mask) and model.config.get_text_config()._attn_implementation in MASKABLE:
        packed = pack(token_ids, positions, weight.dtype)
    if packed is None:
        return _inputs(token_ids.to(weight.device), attention_mask.to(weight.device)), positions.to(weight.device)
    names = ("input_ids", "attention_mask", "position_ids")
    inputs = {name: part.to(weight.device) for name, part in zip(names, packed, strict=False)}
    return {**inputs, "use_cache": False}, (packed.row.to(weight.device), packed.column.to(weight.device))


def _is_right_padded(attention_mask: Tensor) -> bool:
    return bool((attention_mask[:, 1:] <= attention_mask[:, :-1]).all())


def _inputs(token_ids: Tensor, attention_mask: Tensor) -> dict[str, Any]:
    """Return the model's arguments; right padding needs no mask, since a causal model never looks right."""
    if _is_right_padded(attention_mask):
        return {"input_ids": token_ids, "use_cache": False}
    positions = (attention_mask.long().cumsum(1) - 1).clamp(min=0)
    return {
        "input_ids": token_ids,
        "attention_mask": attention_mask.long(),
        "position_ids": positions,
        "use_cache": False,
    }


@contextmanager
def _only_at(output_layer: nn.Module, places: Places) -> Iterator[list[Tensor]]:
    """Let the output layer see only the selected positions, and yield what it saw.

    A hook on the layer, not a call around it, so that whatever the architecture does to its logits
    afterwards (soft-capping, scaling) still happens. At a vocabulary of 152k this is most of the memory.
    """
    seen: list[Tensor] = []

    def gather(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
        seen.append(args[0][places])
        return (seen[-1],)

    hook = output_layer.register_forward_pre_hook(gather)
    try:
        yield seen
    finally:
        hook.remove()
