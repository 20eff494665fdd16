"""Rows that begin alike: what they share is fed once, and nothing else changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from agents.policies import selection
from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.prefixes import share
from agents.policies.scores import TokenScores
from agents.policies.selection import predictors
from tests.agents.architectures import ARCHITECTURES, policy_of
from tests.agents.build import tiny_policy

PROMPTS = ([7, 8, 9, 10, 11, 12, 13, 14], [7, 8, 9, 20, 21])


def group_rows(lengths: list[list[int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of one group per prompt, with answers of these lengths; ids, attention mask, selected tokens."""
    rows = [
        (prompt, [(11 * number + 3 * token) % 200 + 5 for token in range(length)])
        for prompt, group in zip(PROMPTS, lengths, strict=True)
        for number, length in enumerate(group)
    ]
    width = max(len(prompt) + len(answer) for prompt, answer in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    present, select = torch.zeros_like(ids, dtype=torch.bool), torch.zeros_like(ids, dtype=torch.bool)
    for row, (prompt, answer) in enumerate(rows):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor([*prompt, *answer])
        present[row, :end], select[row, len(prompt) : end] = True, True
    return ids, present, select


def graded(policy: CausalLMPolicy, rows: tuple[Tensor, Tensor, Tensor]) -> tuple[TokenScores, dict[str, Tensor]]:
    """Scores, and the gradient of a function of them all."""
    ids, present, select = rows
    scores = policy.score(ids, present, select, torch.full(ids.shape, 0.7))
    values = scores.values if scores.values is not None else 0.0
    weights = torch.linspace(-1, 1, len(scores.logprobs))
    ((scores.logprobs + values) * weights).sum().backward()
    gradient = {name: weight.grad.clone() for name, weight in policy.trainable_parameters() if weight.grad is not None}
    for _, weight in policy.trainable_parameters():
        weight.grad = None
    return scores, gradient


def assert_sharing_changes_nothing(policy: CausalLMPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, present, select = group_rows([[3, 1, 5, 2], [4, 4, 1, 2]])
    select[0, 9] = False  # a hole, such as what the world says between two turns
    rows = (ids, present, select)
    assert share(ids, predictors(select)) is not None
    shared, shared_gradient = graded(policy, rows)
    with monkeypatch.context() as patch:
        patch.setattr(selection, "share", lambda *_: None)
        apart, gradient = graded(policy, rows)
    torch.testing.assert_close(shared.logprobs, apart.logprobs, atol=1e-5, rtol=0)
    torch.testing.assert_close(shared.entropy, apart.entropy, atol=1e-5, rtol=0)
    assert shared_gradient.keys() == gradient.keys()
    for name in gradient:
        torch.testing.assert_close(shared_gradient[name], gradient[name], atol=1e-4, rtol=1e-4, msg=name)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("critic", ["head", "separate"])
def test_shared_prompts_give_the_same_scores_values_and_gradients(
    monkeypatch: pytest.MonkeyPatch, attention: str, critic: str
) -> None:
    policy = tiny_policy(critic=critic)
    policy.model.set_attn_implementation(attention)
    assert_sharing_changes_nothing(policy, monkeypatch)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_lets_prompts_be_shared(monkeypatch: pytest.MonkeyPatch, architecture: str) -> None:
    assert_sharing_changes_nothing(policy_of(architecture), monkeypatch)


def test_a_prompt_is_fed_once_and_what_predicts_nothing_is_not_fed() -> None:
    policy = tiny_policy(critic=None)
    fed: list[Tensor] = []
    policy.model.register_forward_pre_hook(
        lambda module, args, kwargs: fed.append(kwargs["input_ids"]), with_kwargs=True
    )
    ids, present, select = group_rows([[3, 1, 5], [2, 2, 2]])
    policy.score(ids, present, select, torch.ones(ids.shape))
    prompts, own, _ = fed  # and the output layer, on states alone
    assert prompts.tolist() == [PROMPTS[0], [0, 0, 0, *PROMPTS[1]]]
    assert own.shape == (6, 4)
    assert own[2].tolist() == ids[2, 8:12].tolist()


def test_the_order_names_every_state_that_was_asked_for() -> None:
    ids, _, select = group_rows([[3, 1, 5, 2], [4, 4, 1, 2]])
    positions = predictors(select)
    shared = share(ids, positions)
    assert shared is not None
    tokens = torch.cat([shared.prompt_ids[:, -1], shared.own_ids[shared.own_positions]])[shared.order]
    assert tokens.tolist() == ids[positions].tolist()


def test_rows_that_share_little_stay_as_they_are() -> None:
    alone, _, answers = group_rows([[6], [6]])
    assert share(alone, predictors(answers)) is None
    ids, present, _ = group_rows([[3, 1], [2, 2]])
    present[:, 0] = False
    assert share(ids, predictors(present)) is None, "whole rows are learned: no prompt"
