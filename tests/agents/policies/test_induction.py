"""The hand-made induction circuit: an untrained network that copies, and is a plain network otherwise."""

from __future__ import annotations

import pytest
import torch

from agents.policies.embedded import TinyConfig, build_network
from textenvs.errors import ConfigError

TEXTS = ["the quick brown fox jumps over the lazy dog"] * 4


def copied(network: torch.nn.Module, repeats: int = 12, length: int = 24) -> float:
    """How often the likeliest token continues the second half of a random sequence of distinct tokens twice over."""
    generator = torch.Generator().manual_seed(1)
    hits = 0
    for _ in range(repeats):
        once = torch.randperm(240, generator=generator)[:length]
        with torch.no_grad():
            logits = network(input_ids=torch.cat([once, once])[None]).logits[0]
        hits += int((logits[length:-1].argmax(-1) == once[1:]).sum())
    return hits / (repeats * (length - 1))


@pytest.mark.parametrize(("width", "heads", "theta"), [(128, 4, 1e4), (128, 4, 1e6), (96, 3, 1e5)])
def test_an_untrained_network_copies_what_it_has_never_seen(width: int, heads: int, theta: float) -> None:
    size = TinyConfig(hidden_size=width, heads=heads, layers=3, feed_forward=64, rope_theta=theta)
    plain, _ = build_network(TEXTS, size)
    copying, _ = build_network(TEXTS, TinyConfig(**{**vars(size), "copying": True}))
    assert copied(copying) > 0.8
    assert copied(plain) < 0.1
    assert sum(p.numel() for p in plain.parameters()) == sum(p.numel() for p in copying.parameters())


def test_the_first_head_looks_one_token_back() -> None:
    network, _ = build_network(TEXTS, TinyConfig(layers=2, copying=True))
    network.set_attn_implementation("eager")
    with torch.no_grad():
        attention = network(input_ids=torch.randperm(240)[None, :40], output_attentions=True).attentions[0]
    back = attention[0, 0].diagonal(offset=-1)
    assert float(back.min()) > 0.9


def test_the_same_seed_gives_the_same_circuit_and_leaves_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    first, second = (build_network(TEXTS, TinyConfig(copying=True, seed=3))[0] for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("size", [{"layers": 1}, {"heads": 2}, {"hidden_size": 32}])
def test_a_network_without_room_for_it_is_refused(size: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="copying=True needs"):
        TinyConfig(copying=True, **size)
