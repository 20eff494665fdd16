"""Lending a policy's model to TRL."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch

from agents.policies.causal_lm import CausalLMPolicy


@contextlib.contextmanager
def lent(policy: CausalLMPolicy) -> Iterator[None]:
    """Lend the model to TRL, and take it back as it was but for its weights.

    TRL seeds the global generators, replaces `forward` on the instance, switches training mode on and reduces
    gradients into `.grad`; none of that may reach the rollouts or the update that follow.
    """
    forwards = {module: module.__dict__.get("forward") for module in policy.model.modules()}
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - restored, not used
    try:
        with torch.random.fork_rng(), _without_dropout(policy.model):
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        for module, forward in forwards.items():
            module.__dict__.pop("forward", None)
            if forward is not None:
                module.forward = forward
        policy.model.zero_grad(set_to_none=True)
        policy.eval()


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
