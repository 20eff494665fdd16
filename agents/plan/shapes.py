"""How large a model is, in the numbers that memory and speed depend on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textenvs.errors import CheckpointError, UnknownNameError


@dataclass(frozen=True)
class ModelShape:
    """A decoder with grouped-query attention and a gated feed-forward layer: Qwen, Llama, Mistral.

    Attributes:
        hidden: width.
        layers: blocks.
        heads: of the queries.
        kv_heads: of keys and values.
        head_dim: of each head.
        feed_forward: width of the gated layer.
        vocabulary: tokens.
        tied: whether input and output layer share their weights.
    """

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    feed_forward: int
    vocabulary: int
    tied: bool

    @property
    def linears(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of every linear layer in a block."""
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        attention = ((self.hidden, queries), (self.hidden, keys), (self.hidden, keys), (queries, self.hidden))
        gated = ((self.hidden, self.feed_forward), (self.hidden, self.feed_forward), (self.feed_forward, self.hidden))
        return (*attention, *gated)

    @property
    def block_weights(self) -> int:
        """Weights that every token is multiplied by, below the output layer."""
        return self.layers * sum(rows * columns for rows, columns in self.linears)

    @property
    def output_weights(self) -> int:
        """Weights of the output layer."""
        return self.hidden * self.vocabulary

    @property
    def parameters(self) -> int:
        """All weights; the norms, with those of queries and keys as Qwen3 has them, included."""
        norms = self.layers * 2 * (self.hidden + self.head_dim) + self.hidden
        return self.block_weights + norms + self.output_weights * (1 if self.tied else 2)

    @property
    def kv_numbers(self) -> int:
        """Numbers that one token leaves in the cache."""
        return 2 * self.layers * self.kv_heads * self.head_dim

    def attention_weights(self, length: float) -> float:
        """Return as how many weights attending to so many tokens counts: two products for every query's number.

        The whole square is computed, for the kernels are given a mask.
        """
        return 2 * self.layers * self.heads * self.head_dim * length

    def adapter_parameters(self, rank: int) -> int:
        """Return how many weights a LoRA adapter on every linear layer of the blocks has."""
        return self.layers * sum(rank * (rows + columns) for rows, columns in self.linears)

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> ModelShape:
        """Return the shape that a model's ``config.json`` describes; `LookupError` where a number is missing."""
        heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
        return cls(
            hidden=hidden,
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_dim=int(config.get("head_dim") or hidden // heads),
            feed_forward=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
            tied=bool(config.get("tie_word_embeddings", False)),
        )


def _qwen3(hidden: int, layers: int, heads: int, feed_forward: int, tied: bool) -> ModelShape:
    return ModelShape(hidden, layers, heads, 8, 128, feed_forward, 151_936, tied)


KNOWN: Mapping[str, ModelShape] = {
    "Qwen3-0.6B": _qwen3(1024, 28, 16, 3072, True),
    "Qwen3-1.7B": _qwen3(2048, 28, 16, 6144, True),
    "Qwen3-4B": _qwen3(2560, 36, 32, 9728, True),
    "Qwen3-8B": _qwen3(4096, 36, 32, 12_288, False),
    "Qwen3-14B": _qwen3(5120, 40, 40, 17_408, False),
    "Qwen3-32B": _qwen3(5120, 64, 64, 25_600, False),
}
"""Published shapes, by the last part of their name on the hub."""


def find_shape(model: str) -> ModelShape:
    """Return the shape of a known model, or of one in a folder.

    Raises:
        UnknownNameError: if it is neither.
        CheckpointError: if the folder's ``config.json`` does not describe such a decoder.
    """
    file = Path(model) / "config.json"
    if file.is_file():
        try:
            return ModelShape.of_config(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, LookupError, TypeError) as error:
            raise CheckpointError(f"{file} describes no decoder that can be planned with: {error!r}") from error
    name = model.rpartition("/")[2]
    if name not in KNOWN:
        raise UnknownNameError.of("model (or folder with a config.json)", model, KNOWN)
    return KNOWN[name]
