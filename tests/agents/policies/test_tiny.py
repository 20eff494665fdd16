from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.policies.embedded_tokenizer import train_tokenizer
from agents.policies.tiny import TinyConfig, build_tiny
from textenvs.errors import ConfigError

TEXTS = ["Where is the parcel from Paris? It costs 1250 euros.", "北京的包裹在哪里?我要查12号订单。"] * 4
TOKENIZER = train_tokenizer(TEXTS, 400, 3, 128)


@given(st.text())
def test_every_string_survives(text: str):
    ids = TOKENIZER.encode(text, add_special_tokens=False)
    assert TOKENIZER.decode(ids, skip_special_tokens=False) == text


def test_cjk_characters_and_digits_stand_alone():
    tokens = [TOKENIZER.decode([i]) for i in TOKENIZER.encode("查12号订单。", add_special_tokens=False)]
    assert tokens == ["查", "1", "2", "号", "订", "单", "。"]


def test_words_become_tokens():
    assert len(TOKENIZER.encode(" parcel from Paris", add_special_tokens=False)) == 3


def test_the_same_texts_and_seed_give_the_same_policy_and_leave_the_generator_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again = build_tiny(TEXTS), build_tiny(TEXTS)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.tokenizer.get_vocab() == again.tokenizer.get_vocab()
    weights = zip(first.trainable_parameters(), again.trainable_parameters(), strict=True)
    assert all(name == other and torch.equal(a, b) for (name, a), (other, b) in weights)


def test_another_seed_gives_other_weights():
    first, other = build_tiny(TEXTS), build_tiny(TEXTS, TinyConfig(seed=1))
    assert not torch.equal(first.trainable_parameters()[0][1], other.trainable_parameters()[0][1])


def test_the_default_has_about_a_million_parameters():
    policy = build_tiny((), TinyConfig(vocab_size=1000))
    size = sum(weight.numel() for weight in policy.model.parameters()) + 128 * (1000 - 262)
    assert 0.5e6 < size < 1.5e6


def test_an_untrained_model_is_close_to_uniform():
    policy = build_tiny(TEXTS)
    ids = torch.randint(6, 200, (4, 20), generator=torch.Generator().manual_seed(0))
    logprobs = torch.log_softmax(policy.model(ids).logits, -1)
    entropy = -(logprobs.exp() * logprobs).sum(-1).mean()
    assert entropy > 0.9 * torch.log(torch.tensor(float(len(policy.tokenizer))))


@pytest.mark.parametrize("config", [{"vocab_size": 100}, {"hidden_size": 100, "heads": 8}])
def test_a_size_that_cannot_be_built_is_explained(config: dict):
    with pytest.raises(ConfigError, match="must be"):
        TinyConfig(**config)
