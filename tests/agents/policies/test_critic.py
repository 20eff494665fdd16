"""A critic with a transformer of its own: apart from the policy, saved and loaded with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.critic import SeparateCritic
from tests.agents.build import tiny_policy
from textenvs.errors import CheckpointError, ConfigError

LORA = {"r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "v_proj"]}


def separate(lora: dict[str, Any] | None = None, **settings: Any) -> CausalLMPolicy:
    """Return a policy whose separate critic has something to say."""
    made = tiny_policy(critic="separate", lora=lora, reference="adapter_off" if lora else "copy", **settings)
    with torch.no_grad():
        for position, (name, weight) in enumerate(made.trainable_parameters()):
            noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(position))
            weight.add_(0.1 * noise if name.startswith("critic.") else 0)
    return made


def batch() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    ids = torch.randint(6, 260, (3, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones(3, 12, dtype=torch.bool)
    mask[1, 8:] = False
    select = torch.zeros_like(mask)
    select[0, 4:], select[1, 3:6], select[2, 11] = True, True, True
    return ids, mask, select, torch.ones(3, 12)


def gradients(made: CausalLMPolicy, value: Tensor) -> dict[str, float]:
    for _, weight in made.trainable_parameters():
        weight.grad = None
    value.backward()
    found = ((name, weight.grad) for name, weight in made.trainable_parameters())
    return {name: 0.0 if grad is None else float(grad.abs().sum()) for name, grad in found}


@pytest.mark.parametrize("lora", [None, LORA])
def test_policy_and_critic_never_share_a_gradient(lora: dict[str, Any] | None) -> None:
    made = separate(lora)
    scores = made.score(*batch())
    assert scores.values is not None
    of_values = gradients(made, scores.values.sum())
    of_policy = gradients(made, made.score(*batch()).logprobs.sum())
    for name in of_values:
        own = name.startswith("critic.")
        assert (of_values[name] > 0) <= own
        assert (of_policy[name] > 0) <= (not own)
    assert sum(figure > 0 for figure in of_values.values()) > 8
    assert any(of_policy.values())


@pytest.mark.parametrize("lora", [None, LORA])
def test_what_is_trained_is_copied_and_what_is_frozen_is_shared(lora: dict[str, Any] | None) -> None:
    made = separate(lora)
    assert isinstance(made.critic, SeparateCritic)
    of_policy = {id(weight) for weight in made.model.parameters()}
    for weight in made.critic.parameters():
        assert (id(weight) in of_policy) is not weight.requires_grad
    assert any(id(weight) in of_policy for weight in made.critic.parameters()) is bool(lora)
    names = [name for name, _ in made.trainable_parameters()]
    assert len(names) == len(set(names))
    own = [name for name in names if name.startswith("critic.trunk.")]
    assert all("lora_" in name for name in own) is bool(lora)


def test_a_new_critic_says_zero_from_the_policys_own_states() -> None:
    made = tiny_policy(critic="separate")
    head = tiny_policy(critic="head")
    assert made.score(*batch()).values.abs().max() == 0
    for one in (made, head):
        module = one.critic.head if isinstance(one.critic, SeparateCritic) else one.critic
        with torch.random.fork_rng():
            torch.manual_seed(3)
            for weight in module.parameters():
                torch.nn.init.normal_(weight)
    torch.testing.assert_close(made.score(*batch()).values, head.score(*batch()).values, atol=1e-5, rtol=1e-5)


def test_values_are_those_of_the_states_before_the_tokens_under_any_padding() -> None:
    made = separate()
    ids, mask, select, temperature = batch()
    values = made.score(ids, mask, select, temperature).values
    for value, (row, column) in zip(values, select.nonzero(), strict=True):
        state = ids[row : row + 1, :column]
        alone = made.state_values(state, torch.ones_like(state, dtype=torch.bool))
        torch.testing.assert_close(value[None], alone, atol=1e-5, rtol=1e-5)
    order = torch.argsort(mask.int(), dim=1, stable=True)
    left = [torch.nn.functional.pad(x.gather(1, order), (3, 0)) for x in (ids, mask)]
    torch.testing.assert_close(made.state_values(*left), made.state_values(ids, mask), atol=1e-5, rtol=1e-5)
    assert values.std() > 0.01


def test_a_moving_policy_moves_no_value() -> None:
    made = separate(LORA)
    before = made.score(*batch())
    with torch.no_grad():
        for name, weight in made.trainable_parameters():
            weight.add_(0.0 if name.startswith("critic.") else 0.3)
    after = made.score(*batch())
    assert torch.equal(after.values, before.values)
    assert (after.logprobs - before.logprobs).abs().max() > 0.01


@pytest.mark.parametrize("lora", [None, LORA])
def test_it_is_saved_and_loaded_with_the_policy(tmp_path: Path, lora: dict[str, Any] | None) -> None:
    made = separate(lora)
    made.save(tmp_path)
    loaded = CausalLMPolicy.load(tmp_path)
    torch.testing.assert_close(loaded.score(*batch()).values, made.score(*batch()).values)
    torch.testing.assert_close(loaded.score(*batch()).logprobs, made.score(*batch()).logprobs)
    saved = load_file(tmp_path / "training" / "critic.safetensors")
    assert all("lora_" in name or name.startswith("head.") for name in saved) is bool(lora)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {".safetensors", ".json", ".jinja", ".md"}


def test_a_critic_of_another_kind_starts_anew_and_one_that_does_not_fit_is_named(tmp_path: Path) -> None:
    made = tiny_policy(critic="head")
    made.save(tmp_path / "head")
    fresh = CausalLMPolicy.from_pretrained(tmp_path / "head", critic="separate")
    assert fresh.score(*batch()).values.abs().max() == 0
    separate().save(tmp_path / "full")
    with pytest.raises(CheckpointError, match=r"critic\.safetensors does not fit"):
        CausalLMPolicy.from_pretrained(tmp_path / "full", critic="separate", lora=LORA)
    with pytest.raises(ConfigError, match="'separate'"):
        CausalLMPolicy.from_pretrained("tiny", critic="twin")  # type: ignore[arg-type]


def test_it_can_begin_again_from_the_trunk_as_it_is_now() -> None:
    made = separate()
    assert isinstance(made.critic, SeparateCritic)
    with torch.no_grad():
        for weight in made.model.parameters():
            weight.mul_(1.5)
    made.restart_critic()
    decoder = made.model.get_decoder().state_dict()
    assert all(torch.equal(weight, decoder[name]) for name, weight in made.critic.trunk.state_dict().items())
    assert made.critic.head.output.weight.abs().sum() > 0


@pytest.mark.parametrize("lora", [None, LORA])
@pytest.mark.parametrize("critic", ["head", "separate"])
def test_values_alone_are_those_of_the_scores_and_cost_no_logits(critic: Any, lora: dict[str, Any] | None) -> None:
    made = tiny_policy(critic=critic, lora=lora, reference="adapter_off" if lora else "copy")
    with torch.no_grad():
        for name, weight in made.trainable_parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(len(name))))
    expected = made.score(*batch()).values
    ran: list[str] = []
    made.model.get_output_embeddings().register_forward_pre_hook(lambda *_: ran.append("output layer"))
    made.model.get_input_embeddings().register_forward_pre_hook(lambda *_: ran.append("trunk"))
    values = made.values(*batch()[:3])
    torch.testing.assert_close(values, expected)
    assert ran == (["trunk"] if critic == "head" else [])
    values.sum().backward()
    moved = {name for name, weight in made.trainable_parameters() if weight.grad is not None}
    assert moved
    assert all(name.startswith("critic.") for name in moved)
