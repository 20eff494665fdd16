"""The embedded default policy: built from scratch from texts, in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.critic import CriticKind
from agents.policies.embedded import TinyConfig, build_network
from agents.policies.storage import PolicySettings

__all__ = ["TinyConfig", "build_tiny"]

ATTENTION = "eager"
"""At these lengths it is as fast as the fused kernels on a CPU, and it can be differentiated twice (TRPO)."""


def build_tiny(
    texts: Iterable[str],
    config: TinyConfig | None = None,
    *,
    lora: Mapping[str, Any] | None = None,
    critic: CriticKind | None = "head",
    critic_detach: bool = False,
    reference: Literal["adapter_off", "copy"] | None = "copy",
    device: str | None = None,
) -> CausalLMPolicy:
    """Build the embedded model and its tokenizer.

    Args:
        texts: the train split's instructions, utterances and answers, from which the vocabulary is learned.
        config: the model's size and seed; None for about a million parameters.
        lora: fields of `peft.LoraConfig`; None trains every weight.
        critic: ``"head"``, ``"separate"`` or None.
        critic_detach: keep the value loss from changing the language model.
        reference: as in `CausalLMPolicy.from_pretrained`. The copy is of the untrained weights: call
            `freeze_reference` after the supervised warm-up.
        device: such as ``"cuda"``; None takes a GPU where there is one.

    Returns:
        A policy that differs from a large one in size only.
    """
    config = config or TinyConfig()
    model, tokenizer = build_network(texts, config)
    settings = PolicySettings(critic=critic, critic_detach=critic_detach, reference=reference, attention=ATTENTION)
    return CausalLMPolicy.assemble(model, tokenizer, settings, lora=lora, device=device, seed=config.seed)
