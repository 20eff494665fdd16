"""A checkpoint as the target of off-policy evaluation."""

from __future__ import annotations

import math

import pytest
import torch

from agents.feedback.rounds.probabilities import policy_target
from agents.policies.answers import prompt_ids
from tests.agents.build import tiny_policy
from tests.agents.feedback.records import shown


def test_the_probabilities_are_those_of_the_sampler() -> None:
    policy = tiny_policy(critic=None, reference=None)
    impression = shown(answers=("a", "b c", "d"))
    found = policy_target(policy)(impression)
    assert all(0 < chance < 1 for chance in found)
    assert math.fsum(found) < 1
    twice = policy_target(policy)(shown(answers=("a", "b c", "a")))
    assert twice == pytest.approx([found[0] / 2, found[1], found[0] / 2], rel=1e-4)
    prompt = prompt_ids(policy.chat, impression.conversation, impression.tools)
    answer = policy.chat.action_ids("b c")
    ids = torch.tensor([prompt + answer])
    select = torch.arange(ids.shape[1])[None] >= len(prompt)
    scores = policy.score(ids, torch.ones_like(ids, dtype=torch.bool), select, torch.ones(ids.shape))
    assert found[1] == pytest.approx(scores.logprobs.sum().exp().item(), rel=1e-4)
