"""Running a causal language model for a selection of positions only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPast

from agents.policies.compute import takes_a_cache
from agents.policies.prefixes import Shared, share

Gather = Callable[[Tensor], Tensor]
"""Takes the wanted states [N, H] out of a pass's hidden states [B, L, H]."""

Run = Callable[[dict[str, Any], Gather], tuple[Tensor, ...]]
"""Makes one pass with these arguments; what it returns ends with the gathered states."""


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
    call = model if weights is None else partial(_call_with, model, weights)

    def run(inputs: dict[str, Any], gather: Gather) -> tuple[Tensor, ...]:
        with _only_at(model.get_output_embeddings(), gather) as seen:
            logits = call(**inputs).logits
        return logits, seen[0]

    logits, states = _feed(model, run, token_ids, attention_mask, positions)
    return logits, states


def hidden_at(
    model: Any,
    token_ids: Tensor,
    attention_mask: Tensor,
    positions: Tensor,
    weights: Mapping[str, Tensor] | None = None,
) -> Tensor:
    """Return the last hidden states [N, H] of `logits_at`, without its logits; the arguments are the same."""
    call = model if weights is None else partial(_call_with, model, weights)

    def run(inputs: dict[str, Any], gather: Gather) -> tuple[Tensor, ...]:
        with _only_at(model.get_output_embeddings(), gather, shown=slice(0)) as seen:
            call(**inputs)
        return (seen[0],)

    return _feed(model, run, token_ids, attention_mask, positions)[0]


def logits_of(model: Any, states: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
    """Return the logits [n, V] that a model makes of last hidden states [n, H], whatever its architecture does to them.

    The model runs as ever, but for its decoder, in whose place the states stand.

    Args:
        model: a causal language model, with or without an adapter.
        states: as `hidden_at` returns them.
        weights: as in `logits_at`.
    """
    call = model if weights is None else partial(_call_with, model, weights)
    trunk = decoder(model)
    trunk.forward = lambda *args, **kwargs: _Given(last_hidden_state=states[None])
    try:
        return call(input_ids=torch.zeros(1, len(states), dtype=torch.long, device=states.device)).logits[0]
    finally:
        del trunk.forward


def packed_logits_at(model: Any, token_ids: Tensor, position_ids: Tensor, positions: Tensor) -> Tensor:
    """Run the model over rows that several sequences share, and its output layer at the chosen positions only.

    Args:
        model: a causal language model, with or without an adapter.
        token_ids: [B, L] long; sequences laid end to end, padding as one of them.
        position_ids: [B, L] long, from 0 in every sequence. transformers reads them where no mask is given, and keeps
            the sequences from seeing one another in every implementation of attention.
        positions: [B, L] bool, where the logits are wanted.

    Returns:
        The logits [N, V], row-major over `positions`.
    """
    device = next(model.parameters()).device
    wanted = positions.to(device)
    with _only_at(model.get_output_embeddings(), lambda states: states[wanted]):
        return model(input_ids=token_ids.to(device), position_ids=position_ids.to(device), use_cache=False).logits


def states_at(trunk: Any, token_ids: Tensor, attention_mask: Tensor, positions: Tensor) -> Tensor:
    """Run a transformer without output layer; returns its last hidden states [N, H] at the chosen positions.

    Args:
        trunk: what transformers calls the decoder of a causal language model.
        token_ids: [B, L] long; padded on either side.
        attention_mask: [B, L] bool, true on real tokens.
        positions: [B, L] bool, where the states are wanted.
    """

    def run(inputs: dict[str, Any], gather: Gather) -> tuple[Tensor, ...]:
        return (gather(trunk(**inputs).last_hidden_state),)

    return _feed(trunk, run, token_ids, attention_mask, positions)[0]


def _call_with(model: Any, weights: Mapping[str, Tensor], **inputs: Any) -> Any:
    return torch.func.functional_call(model, dict(weights), args=(), kwargs=inputs)


def _feed(model: Any, run: Run, token_ids: Tensor, attention_mask: Tensor, positions: Tensor) -> tuple[Tensor, ...]:
    """Run the model over the rows; a prompt that several of them have in common is fed once."""
    device = next(model.parameters()).device
    can_share = _is_right_padded(attention_mask) and takes_a_cache(model) and not _spoilt_by_padding(model)
    shared = share(token_ids, positions) if can_share else None
    if shared is None:
        wanted = positions.to(device)
        return run(_inputs(token_ids.to(device), attention_mask.to(device)), lambda states: states[wanted])
    return _feed_shared(run, shared.to(device))


def _spoilt_by_padding(model: Any) -> bool:
    """Say whether padding before a prompt becomes NaN, which attention spreads however it is masked.

    Eager attention takes its softmax in float32, where the least number of float64 is minus infinity.
    """
    return next(model.parameters()).dtype == torch.float64 and model.config._attn_implementation == "eager"


def _feed_shared(run: Run, rows: Shared) -> tuple[Tensor, ...]:
    """Run the prompts, and then every row's own tokens on top of its prompt's keys and values."""
    cache = DynamicCache()  # without the model's config: of layers that keep everything, however short their window
    after_prompt = run(_cached_inputs(rows.prompt_ids, rows.prompt_mask, cache), lambda states: states[:, -1])[-1]
    cache.batch_select_indices(rows.family)
    mask = torch.cat([rows.prompt_mask[rows.family], rows.own_mask], 1)
    return run(
        _cached_inputs(rows.own_ids, mask, cache),
        lambda states: torch.cat([after_prompt, states[rows.own_positions]])[rows.order],
    )


def _cached_inputs(token_ids: Tensor, attention_mask: Tensor, cache: DynamicCache) -> dict[str, Any]:
    """Return the model's arguments for tokens that come last in the rows of the mask."""
    return {
        "input_ids": token_ids,
        "attention_mask": attention_mask.long(),
        "position_ids": _places(attention_mask)[:, -token_ids.shape[1] :],
        "past_key_values": cache,
        "use_cache": True,
    }


def _is_right_padded(attention_mask: Tensor) -> bool:
    return bool((attention_mask[:, 1:] <= attention_mask[:, :-1]).all())


def _inputs(token_ids: Tensor, attention_mask: Tensor) -> dict[str, Any]:
    """Return the model's arguments; right padding needs no mask, since a causal model never looks right."""
    if _is_right_padded(attention_mask):
        return {"input_ids": token_ids, "use_cache": False}
    return {
        "input_ids": token_ids,
        "attention_mask": attention_mask.long(),
        "position_ids": _places(attention_mask),
        "use_cache": False,
    }


def _places(attention_mask: Tensor) -> Tensor:
    """Return every token's place in its row [B, L], counted from its first real token."""
    return (attention_mask.long().cumsum(1) - 1).clamp(min=0)


class _Given(BaseModelOutputWithPast):
    """Hidden states in place of a decoder's output, which of some architectures has more attributes: none of them."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


@contextmanager
def _only_at(output_layer: nn.Module, gather: Gather, shown: slice = slice(None)) -> Iterator[list[Tensor]]:
    """Let the output layer see only the gathered states, or those `shown` of them, and yield what was gathered.

    A hook on the layer, not a call around it, so that whatever the architecture does to its logits
    afterwards (soft-capping, scaling) still happens. At a vocabulary of 152k this is most of the memory.
    """
    seen: list[Tensor] = []

    def replace(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
        seen.append(gather(args[0]))
        return (seen[-1][shown],)

    hook = output_layer.register_forward_pre_hook(replace)
    try:
        yield seen
    finally:
        hook.remove()
