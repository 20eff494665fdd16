"""A policy from the options of a model: what a checkpoint keeps and what the options decide."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.cli.models import ModelOptions, continue_policy
from agents.policies.critic import SeparateCritic
from agents.policies.value_head import ValueHead
from tests.agents.build import tiny_policy

KINDS = {"head": ValueHead, "separate": SeparateCritic}


def saved(path: Path, critic: Any) -> Path:
    """Save a policy whose critic, if any, is not a fresh one."""
    policy = tiny_policy(critic=critic)
    with torch.no_grad():
        for name, weight in policy.trainable_parameters():
            weight.add_(0.1 * name.startswith("critic."))
    policy.save(path)
    return path


@pytest.mark.parametrize("asked", ["head", "separate"])
@pytest.mark.parametrize("stored", ["head", "separate", None])
def test_a_checkpoint_goes_on_with_the_critic_that_is_asked_for(
    stored: Any, asked: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = saved(tmp_path, stored)
    with caplog.at_level(logging.WARNING):
        policy = continue_policy(folder, ModelOptions(critic=asked, device="cpu"), critic=True)
    assert isinstance(policy.critic, KINDS[asked])
    assert policy.settings.critic == asked
    head = policy.critic.head if isinstance(policy.critic, SeparateCritic) else policy.critic
    assert bool(head.output.weight.any()) is (stored == asked), "a critic of the same kind keeps its weights"
    assert ("begins anew" in caplog.text) is (stored != asked)
    assert (f"--set critic={stored}" in caplog.text) is (stored not in (asked, None))


@pytest.mark.parametrize(("asked", "needed"), [("head", False), ("none", True)])
def test_no_critic_where_none_is_needed_or_wanted(asked: Any, needed: bool, tmp_path: Path) -> None:
    options = ModelOptions(critic=asked, device="cpu")
    assert continue_policy(saved(tmp_path, "head"), options, critic=needed).critic is None
