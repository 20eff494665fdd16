"""Policies of several architectures, small enough for exact checks, with random weights and uneven distributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.embedded_tokenizer import train_tokenizer
from agents.policies.storage import PolicySettings

CONTEXT = 256
SIZE = {
    "vocab_size": 262,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": CONTEXT,
}


def _gemma2() -> PreTrainedModel:
    """Return a model with soft-capped logits and a sliding window shorter than the conversations."""
    model = Gemma2ForCausalLM(Gemma2Config(**SIZE, head_dim=16, sliding_window=8))
    model.set_attn_implementation("eager")
    return model


def _gpt2() -> PreTrainedModel:
    """Return a model that learns one embedding per position, so that a shifted position is another input."""
    return GPT2LMHeadModel(GPT2Config(vocab_size=262, n_embd=32, n_layer=2, n_head=2, n_positions=CONTEXT))


BUILDERS: Mapping[str, Callable[[], PreTrainedModel]] = {
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZE)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SIZE, head_dim=16)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZE)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**SIZE, sliding_window=8)),
    "gemma2": _gemma2,
    "gpt2": _gpt2,
}
ARCHITECTURES = tuple(BUILDERS)


def sharp(policy: CausalLMPolicy) -> CausalLMPolicy:
    """Make its distributions uneven, its adapter felt, and its turns end at many different lengths."""
    generator = torch.Generator().manual_seed(0)
    policy.chat.stop_ids = tuple(range(1, 40))
    with torch.no_grad():
        for name, weight in policy.model.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.2)
            elif "norm" not in name and "lora" not in name:
                weight.mul_(2)
    return policy


def policy_of(architecture: str) -> CausalLMPolicy:
    """Return a policy without critic or reference."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BUILDERS[architecture]().eval()
    tokenizer = train_tokenizer((), SIZE["vocab_size"], 3, CONTEXT)
    return sharp(CausalLMPolicy(model, tokenizer, PolicySettings(critic=None, reference=None)))
