"""How a policy computes, whatever it computes: what is kept for the backward pass, and by which kernels."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.distributed.fsdp import FSDPModule
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from textenvs.errors import ConfigError


def recomputing_layers(model: Any) -> list[Any]:
    """Return the layers of a model whose activations can be computed again."""
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


@contextmanager
def recomputed(model: Any) -> Iterator[None]:
    """Keep only the inputs of a model's layers for the backward pass, which computes the rest again.

    Source: Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost". transformers does so under ``train``
    only; what is inside the layers stays under ``eval``, so that no dropout comes with it.
    """
    layers = recomputing_layers(model)
    before = [layer.training for layer in layers]
    for layer in layers:
        layer.training = layer.gradient_checkpointing = True
        layer._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)
    try:
        yield
    finally:
        for layer, training in zip(layers, before, strict=True):
            layer.training, layer.gradient_checkpointing = training, False


def takes_a_cache(model: Any) -> bool:
    """Say whether keys and values can be handed from one pass to the next.

    Not where layers are computed again, nor where several ranks gather them together: then every batch is one pass.
    """
    again = any(layer.gradient_checkpointing for layer in recomputing_layers(model))
    gathered = any(isinstance(module, FSDPModule) for module in model.modules())
    return not (model._is_stateful or again or gathered)


def use_liger(model: Any) -> None:
    """Replace a model's norms, rotary embeddings and feed-forward layers by Liger's fused kernels.

    Raises:
        ConfigError: there is no GPU, the package is not installed, or it does not know the architecture.
    """
    if not torch.cuda.is_available():
        raise ConfigError("liger=True needs a GPU: Liger's kernels are written for those")
    try:
        liger: Any = importlib.import_module("liger_kernel.transformers.monkey_patch")
    except ImportError as error:
        raise ConfigError(f"liger=True needs a package: pip install liger-kernel ({error})") from error
    kind = model.config.get_text_config().model_type
    if kind not in liger.MODEL_TYPE_TO_APPLY_LIGER_FN:
        known = ", ".join(sorted(liger.MODEL_TYPE_TO_APPLY_LIGER_FN))
        raise ConfigError(f"liger=True: Liger has no kernels for {kind!r}; valid: {known}")
    # Its fused loss wants labels, and the policy's losses are its own.
    liger._apply_liger_kernel_to_instance(model, fused_linear_cross_entropy=False)
