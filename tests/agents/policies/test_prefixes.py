"""Packed rows: what shares a prompt is fed once, and nothing else changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from agents.policies import prefixes, selection
from agents.policies.causal_lm import CausalLMPolicy, TokenScores
from agents.policies.prefixes import pack
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
    assert scores.values is not None
    weights = torch.linspace(-1, 1, len(scores.logprobs))
    ((scores.logprobs + scores.values) * weights).sum().backward()
    gradient = {name: weight.grad.clone() for name, weight in policy.trainable_parameters() if weight.grad is not None}
    for _, weight in policy.trainable_parameters():
        weight.grad = None
    return scores, gradient


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_packed_rows_give_the_same_scores_and_gradients(monkeypatch: pytest.MonkeyPatch, attention: str) -> None:
    policy = tiny_policy()
    policy.model.set_attn_implementation(attention)
    rows = group_rows([[3, 1, 5, 2], [4, 4, 1, 2]])
    packed, packed_gradient = graded(policy, rows)
    assert pack(rows[0], selection.predictors(rows[2]), torch.float32) is not None
    monkeypatch.setattr(selection, "pack", lambda *_: None)
    apart, gradient = graded(policy, rows)
    assert torch.allclose(packed.logprobs, apart.logprobs, atol=1e-5)
    assert torch.allclose(packed.entropy, apart.entropy, atol=1e-5)
    assert packed_gradient.keys() == gradient.keys()
    for name in gradient:
        assert torch.allclose(packed_gradient[name], gradient[name], atol=1e-4), name


def test_a_prompt_is_fed_once_and_what_predicts_nothing_is_not_fed() -> None:
    ids, _, select = group_rows([[3, 1, 5], [2, 2, 2]])
    packed = pack(ids, selection.predictors(select), torch.float32)
    assert packed is not None
    assert len(packed.token_ids) == 2
    assert packed.token_ids.shape[1] == len(PROMPTS[0]) + 2 + 0 + 4
    assert packed.token_ids[0, : len(PROMPTS[0])].tolist() == PROMPTS[0]
    places = torch.arange(ids.shape[1]).expand_as(ids)[selection.predictors(select)]
    assert packed.position_ids[packed.row, packed.column].tolist() == places.tolist()
    assert packed.token_ids[packed.row, packed.column].tolist() == ids[selection.predictors(select)].tolist()


def test_families_are_split_before_their_attention_gets_long(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, _, select = group_rows([[5] * 6, [5] * 6])
    monkeypatch.setattr(prefixes, "LONGEST", 16)
    packed = pack(ids, selection.predictors(select), torch.float32)
    assert packed is not None
    assert len(packed.token_ids) > 2
    assert packed.token_ids.shape[1] <= 16


def test_rows_that_share_little_stay_as_they_are() -> None:
    alone, _, answers = group_rows([[6], [6]])
    assert pack(alone, selection.predictors(answers), torch.float32) is None
    ids, present, _ = group_rows([[3, 1], [2, 2]])
    present[:, 0] = False
    assert pack(ids, selection.predictors(present), torch.float32) is None, "whole rows are learned: no prompt"
