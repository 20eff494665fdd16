"""The embedded network: a Qwen3 architecture of about a million parameters, made on the spot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from agents.policies.embedded_tokenizer import PAD, SMALLEST_VOCABULARY, STOP, train_tokenizer
from agents.policies.induction import install_induction
from textenvs.errors import ConfigError


@dataclass(frozen=True)
class TinyConfig:
    """The size of the embedded model. The defaults give about a million parameters.

    Attributes:
        vocab_size: upper bound of the vocabulary; fewer where the texts do not yield as many merges.
        min_frequency: how often a pair of tokens must occur in the texts to become one.
        hidden_size: width of the model.
        layers: number of blocks.
        heads: attention heads; `hidden_size` must be a multiple.
        feed_forward: width of the gated feed-forward layer; 0 stands for twice `hidden_size`.
        context_length: the longest sequence in tokens.
        rope_theta: base of the rotary frequencies; small, because the sequences are short.
        copying: whether the initial weights hold a circuit that copies from the context, see `policies.induction`.
        seed: of the initial weights.

    Raises:
        ConfigError: a size that cannot be built.
    """

    vocab_size: int = 1000
    min_frequency: int = 3
    hidden_size: int = 128
    layers: int = 4
    heads: int = 4
    feed_forward: int = 0
    context_length: int = 1024
    rope_theta: float = 10_000.0
    copying: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.vocab_size < SMALLEST_VOCABULARY:
            raise ConfigError(f"vocab_size={self.vocab_size} must be at least {SMALLEST_VOCABULARY}: bytes and markers")
        if self.hidden_size % (2 * self.heads):
            raise ConfigError(f"hidden_size={self.hidden_size} must be an even multiple of heads={self.heads}")
        if self.copying and (self.layers < 2 or self.heads < 3 or self.hidden_size < 16 * self.heads):
            raise ConfigError("copying=True needs two layers, three heads and 16 dimensions a head")


def build_network(texts: Iterable[str], config: TinyConfig) -> tuple[Qwen3ForCausalLM, PreTrainedTokenizerFast]:
    """Train the tokenizer on `texts` and make a freshly initialised network for it.

    The same texts and configuration give the same tokenizer and the same weights; the global generators are
    neither read nor changed.
    """
    tokenizer = train_tokenizer(texts, config.vocab_size, config.min_frequency, config.context_length)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)
        network = Qwen3ForCausalLM(_architecture(config, tokenizer))
    if config.copying:
        install_induction(network, config.seed)
    return network.eval(), tokenizer


def _architecture(config: TinyConfig, tokenizer: PreTrainedTokenizerFast) -> Qwen3Config:
    vocabulary = tokenizer.get_vocab()
    return Qwen3Config(
        vocab_size=len(vocabulary),
        hidden_size=config.hidden_size,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        head_dim=config.hidden_size // config.heads,
        intermediate_size=config.feed_forward or 2 * config.hidden_size,
        max_position_embeddings=config.context_length,
        rope_parameters={"rope_type": "default", "rope_theta": config.rope_theta},
        tie_word_embeddings=True,
        initializer_range=config.hidden_size**-0.5 / 2,
        eos_token_id=vocabulary[STOP],
        pad_token_id=vocabulary[PAD],
        bos_token_id=None,
    )
