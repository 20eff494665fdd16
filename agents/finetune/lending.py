"""Lending a model to TRL."""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast


@contextlib.contextmanager
def lent(model: Any, tokenizer: PreTrainedTokenizerFast) -> Iterator[None]:
    """Lend a model and its tokenizer to TRL, and take them back as they were but for the weights.

    TRL seeds the global generators, replaces `forward` on the instance, settles on a token for padding, switches
    training mode on and reduces gradients into `.grad`; none of that may reach the rollouts or the update that follow.
    """
    forwards = {module: module.__dict__.get("forward") for module in model.modules()}
    padded = [tokenizer, *_padding_settings(model)]
    padding = [one.pad_token_id for one in padded]
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - restored, not used
    try:
        with torch.random.fork_rng(), _without_dropout(model), warnings.catch_warnings():
            # TRL asks transformers by the old name.
            warnings.filterwarnings("ignore", r".is_gradient_checkpointing. is deprecated", FutureWarning)
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        for module, forward in forwards.items():
            module.__dict__.pop("forward", None)
            if forward is not None:
                module.forward = forward
        for one, token in zip(padded, padding, strict=True):
            one.pad_token_id = token
        model.zero_grad(set_to_none=True)
        model.eval()


def _padding_settings(model: Any) -> list[Any]:
    """Return the model's own settings that name a token for padding."""
    generation = getattr(model, "generation_config", None)
    return [model.config.get_text_config(), *([generation] if generation is not None else [])]


@contextlib.contextmanager
def _without_dropout(model: torch.nn.Module) -> Iterator[None]:
    """Set every dropout probability of the model to 0 for a while."""
    saved: list[tuple[torch.nn.Module, str, float]] = []
    for module in model.modules():
        name = "p" if isinstance(module, torch.nn.Dropout) else "attention_dropout"
        if isinstance(getattr(module, name, None), float):
            saved.append((module, name, getattr(module, name)))
            setattr(module, name, 0.0)
    try:
        yield
    finally:
        for module, name, value in saved:
            setattr(module, name, value)
