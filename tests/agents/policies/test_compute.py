"""Ways to compute: they cost less memory or time, and change nothing but the last bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from agents.policies.causal_lm import CausalLMPolicy
from agents.rollout.local import LocalEngine
from tests.agents.build import tiny_policy
from tests.agents.policies.test_prefixes import graded, group_rows
from tests.agents.rollout.test_local import play_on, prompts
from textenvs.errors import ConfigError


def set_up(**settings: Any) -> CausalLMPolicy:
    policy = tiny_policy(critic=None)
    policy.settings = policy.settings.replace(**settings)
    return policy


def kept(policy: CausalLMPolicy) -> int:
    """How many numbers a score keeps for its backward pass."""
    counts: list[int] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        counts.append(tensor.numel())
        return tensor

    ids, present, select = group_rows([[3, 1, 5, 2], [4, 4, 1, 2]])
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        policy.score(ids, present, select, torch.ones(ids.shape))
    return sum(counts)


def test_recomputing_gives_the_same_gradient_and_keeps_less() -> None:
    plain, sparing = set_up(), set_up(recompute=True)
    rows = group_rows([[3, 1, 5, 2], [4, 4, 1, 2]])
    (scores, gradient), (again, same) = graded(plain, rows), graded(sparing, rows)
    torch.testing.assert_close(again.logprobs, scores.logprobs, atol=1e-5, rtol=0)
    for name in gradient:
        torch.testing.assert_close(same[name], gradient[name], atol=1e-4, rtol=1e-4)
    assert kept(sparing) < 0.5 * kept(plain)
    assert not any(module.training for module in sparing.model.modules())


def test_recomputing_leaves_sampling_its_cache() -> None:
    contexts = prompts(6)
    assert play_on(LocalEngine(set_up(recompute=True)), contexts, 2) == play_on(LocalEngine(set_up()), contexts, 2)


def test_autocast_computes_in_bfloat16_and_leaves_the_weights_in_float32() -> None:
    policy, rows = set_up(autocast=True), group_rows([[3, 1, 5, 2], [4, 4, 1, 2]])
    made: set[torch.dtype] = set()
    policy.model.model.layers[0].mlp.register_forward_hook(lambda module, args, output: made.add(output.dtype))
    scores, gradient = graded(policy, rows)
    assert made == {torch.bfloat16}
    assert {part.dtype for part in (scores.logprobs, scores.entropy, *gradient.values())} == {torch.float32}
    assert {weight.dtype for _, weight in policy.trainable_parameters()} == {torch.float32}
    exact, _ = graded(set_up(), rows)
    torch.testing.assert_close(scores.logprobs, exact.logprobs, atol=0.05, rtol=0)
    assert not torch.equal(scores.logprobs, exact.logprobs)


def test_autocast_holds_for_sampling_too() -> None:
    policy = set_up(autocast=True)
    engine = LocalEngine(policy)
    play_on(engine, prompts(3), 1)
    pasts = [conversation.past for conversation in engine._conversations.values() if conversation.past]
    assert {past.buffers[0][1].dtype for past in pasts} == {torch.bfloat16}  # the values: keys are normed in float32


def test_the_settings_are_saved(tmp_path: Path) -> None:
    CausalLMPolicy.from_pretrained("tiny", autocast=True, recompute=True, critic=None, reference=None).save(tmp_path)
    settings = CausalLMPolicy.load(tmp_path).settings
    assert (settings.autocast, settings.recompute, settings.liger) == (True, True, False)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_kernels_for_a_gpu_are_refused_without_one() -> None:
    with pytest.raises(ConfigError, match="needs a GPU"):
        CausalLMPolicy.from_pretrained("tiny", liger=True)
