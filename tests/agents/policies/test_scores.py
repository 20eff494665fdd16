"""Scores in portions: the same numbers and gradients, and memory that does not grow with vocabulary times tokens."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from agents.policies import scores
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.scores import TokenScores, distributions, score_states
from tests.agents.architectures import policy_of
from tests.agents.build import tiny_policy


class Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation makes, in elements."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        made = result if isinstance(result, (list, tuple)) else [result]
        self.elements = max([self.elements, *(part.numel() for part in made if isinstance(part, torch.Tensor))])
        return result


def rows(count: int, length: int) -> tuple[torch.Tensor, ...]:
    ids = torch.randint(10, 200, (count, length), generator=torch.Generator().manual_seed(0))
    select = torch.ones_like(ids, dtype=torch.bool)
    select[:, 0] = False
    return ids, torch.ones_like(select), select, torch.full(ids.shape, 0.7)


def graded(policy: CausalLMPolicy) -> tuple[torch.Tensor, ...]:
    said = policy.score(*rows(4, 12))
    (said.logprobs.sum() + 0.3 * said.entropy.sum()).backward()
    gradients = [weight.grad for _, weight in policy.trainable_parameters() if weight.grad is not None]
    for _, weight in policy.trainable_parameters():
        weight.grad = None
    return (said.logprobs.detach(), said.entropy.detach(), *gradients)


@pytest.mark.parametrize("architecture", ["tiny", "gemma2", "gpt2"])
def test_portions_change_neither_scores_nor_gradients(monkeypatch: pytest.MonkeyPatch, architecture: str) -> None:
    policy = tiny_policy(critic=None) if architecture == "tiny" else policy_of(architecture)
    whole = graded(policy)
    monkeypatch.setattr(scores, "LOGITS_AT_ONCE", 7 * 262)
    for part, expected in zip(graded(policy), whole, strict=True):
        torch.testing.assert_close(part, expected, atol=1e-5, rtol=1e-4)


def test_the_reference_is_scored_in_portions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tiny_policy(critic=None, reference="copy")
    whole = policy.reference_logprobs(*rows(4, 12))
    with torch.no_grad():
        for _, weight in policy.trainable_parameters():
            weight.mul_(1.1)
    monkeypatch.setattr(scores, "LOGITS_AT_ONCE", 7 * 262)
    torch.testing.assert_close(policy.reference_logprobs(*rows(4, 12)), whole, atol=1e-5, rtol=0)
    assert not torch.allclose(policy.score(*rows(4, 12)).logprobs, whole, atol=1e-3)


def test_no_tensor_of_an_update_grows_with_the_vocabulary_times_the_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary, hidden = 5000, 8
    monkeypatch.setattr(scores, "LOGITS_AT_ONCE", 20 * vocabulary)
    weight = torch.nn.Parameter(torch.randn(vocabulary, hidden))
    largest: dict[int, int] = {}
    for tokens in (40, 400):
        states = torch.randn(tokens, hidden, requires_grad=True)
        drawn = torch.randint(vocabulary, (tokens,))
        with Largest() as mode:
            said = score_states(lambda part: part @ weight.T, states, drawn, torch.ones(tokens), vocabulary)
            said.logprobs.sum().backward()
        largest[tokens] = mode.elements
    assert largest[40] == largest[400] == 20 * vocabulary


def test_what_is_kept_for_the_backward_pass_holds_no_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tiny_policy(critic=None)
    output_layer = policy.model.get_output_embeddings().weight
    monkeypatch.setattr(scores, "LOGITS_AT_ONCE", 10 * 262)
    kept: list[torch.Size] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() != output_layer.data_ptr():
            kept.append(tensor.shape)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        policy.score(*rows(6, 20))
    assert kept
    assert not [shape for shape in kept if shape[-1:] == output_layer.shape[:1]]


def test_table_by_hand() -> None:
    """Of softmax(logits / 2): even odds of four, odds of 2 : 1 : 1, and as good as certain."""
    odds = torch.tensor([[1.0, 1.0, 1.0, 1.0], [2.0, 1.0, 1.0, 1e-20], [1e20, 1.0, 1.0, 1.0]])
    said = TokenScores.of(distributions(2 * odds.log(), torch.full((3,), 2.0)), torch.tensor([3, 1, 0]))
    assert said.entropy.tolist() == pytest.approx([1.3862944, 1.0397208, 0.0], abs=1e-6)  # log 4, 3/2 log 2
    assert said.logprobs.tolist() == pytest.approx([-1.3862944, -1.3862944, 0.0], abs=1e-6)


def test_gradients_equal_finite_differences() -> None:
    logits = torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    tokens = torch.tensor([0, 5, 2, 2])
    assert torch.autograd.gradcheck(lambda x: TokenScores.of(x.log_softmax(-1), tokens).entropy, (logits,))
    assert torch.autograd.gradcheck(lambda x: TokenScores.of(x.log_softmax(-1), tokens).logprobs, (logits,))
