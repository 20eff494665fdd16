"""The reward that a policy trained on preferences stands for: how much likelier it has made an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.policies.answers import answer_logprobs

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
        ratios = answer_logprobs(model, batch) - answer_logprobs(reference, batch)
        rewards += (beta * ratios).tolist()
    return rewards
