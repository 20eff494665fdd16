"""The reward that a policy trained on preferences stands for: how much likelier it has made an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from agents.policies.selection import logits_at, predictors

BATCH = 32
"""Answers in one forward pass."""


def implicit_rewards(
    model: Any, reference: Any, answers: Sequence[tuple[list[int], list[int]]], beta: float
) -> list[float]:
    """Return ``beta (log p(answer | prompt) - log p_ref(answer | prompt))`` of each answer, its stop token included.

    Source: Rafailov et al. 2023, "Direct Preference Optimization", equation 5 without its term of the prompt alone,
    which cancels between the answers to one prompt.

    Args:
        model: that was trained.
        reference: the same before.
        answers: prompt and answer of each, in tokens.
        beta: of the training.
    """
    rewards: list[float] = []
    for start in range(0, len(answers), BATCH):
        batch = answers[start : start + BATCH]
        ratios = _logprobs(model, batch) - _logprobs(reference, batch)
        rewards += (beta * ratios).tolist()
    return rewards


@torch.no_grad()
def _logprobs(model: Any, answers: Sequence[tuple[list[int], list[int]]]) -> torch.Tensor:
    """Return the log-probability [B] of each whole answer."""
    ids = pad_sequence([torch.tensor(prompt + answer) for prompt, answer in answers], batch_first=True)
    columns = torch.arange(ids.shape[1])
    starts = torch.tensor([len(prompt) for prompt, _ in answers])[:, None]
    ends = torch.tensor([len(prompt) + len(answer) for prompt, answer in answers])[:, None]
    select = (starts <= columns) & (columns < ends)
    logits, _ = logits_at(model, ids, columns < ends, predictors(select))
    each = torch.log_softmax(logits.float(), -1).cpu().gather(1, ids[select][:, None]).squeeze(1)
    row = select.nonzero()[:, 0]
    return torch.zeros(len(answers)).index_add_(0, row, each)
