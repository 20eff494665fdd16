"""GRPO against TRL: `GRPOTrainer._compute_loss` itself, handed the same numbers."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor
from trl import GRPOTrainer

from agents.algorithms.base import LossInputs
from agents.algorithms.grpo import ALGORITHM, GRPOConfig, credit, normalizer
from tests.agents.build import scored, trajectory, turn

EPISODES, LENGTH = 6, 9


def trl_loss(loss_type: str, logprobs: Tensor, old: Tensor, mask: Tensor, advantages: Tensor, ref: Tensor, beta: float):
    """Return TRL's loss; the trainer is a stand-in that only carries settings and hands out `logprobs`."""
    accelerator = SimpleNamespace(
        gather=lambda x: x, gather_for_metrics=lambda x: x, reduce=lambda x, reduction: x, num_processes=1
    )
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *args, **kwargs: (logprobs, torch.zeros_like(logprobs), None),
        args=SimpleNamespace(delta=None, use_bias_correction_kl=True),
        accelerator=accelerator,
        model=SimpleNamespace(training=True),
        aux_loss_enabled=False,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        beta=beta,
        loss_type=loss_type,
        epsilon_low=0.2,
        epsilon_high=0.3,
        use_vllm=False,
        current_gradient_accumulation_steps=1,
        max_completion_length=LENGTH,
        _entropy_bonus_enabled=False,
        _metrics={"train": defaultdict(list)},
    )
    ids = torch.zeros(EPISODES, LENGTH, dtype=torch.long)
    inputs = {
        "prompt_ids": ids[:, :1],
        "prompt_mask": torch.ones(EPISODES, 1, dtype=torch.long),
        "completion_ids": ids,
        "completion_mask": torch.ones_like(ids),
        "tool_mask": mask.long(),
        "advantages": advantages,
        "old_per_token_logps": old,
        "ref_per_token_logps": ref,
    }
    return GRPOTrainer._compute_loss(trainer, trainer.model, inputs)


@pytest.mark.parametrize("loss_type", ["grpo", "bnpo", "dr_grpo"])
@pytest.mark.parametrize("beta", [0.0, 0.04])
def test_loss_and_gradient_equal_trl(loss_type: Literal["grpo", "bnpo", "dr_grpo"], beta: float) -> None:
    generator = torch.Generator().manual_seed(0)
    old = -torch.rand(EPISODES, LENGTH, generator=generator)
    logprobs = (old + 0.3 * torch.randn(EPISODES, LENGTH, generator=generator)).requires_grad_()
    ref = old + 0.3 * torch.randn(EPISODES, LENGTH, generator=generator)
    mask = torch.rand(EPISODES, LENGTH, generator=generator) < 0.6
    mask[:, 0] = True
    advantages = torch.randn(EPISODES, generator=generator)
    theirs = trl_loss(loss_type, logprobs, old, mask, advantages, ref, beta)
    (expected,) = torch.autograd.grad(theirs, logprobs)

    config = GRPOConfig(
        loss_type=loss_type, dr_grpo_tokens=LENGTH, clip_range_high=0.3, kl_coef=beta, kl_estimator="k3"
    )
    episode = mask.nonzero()[:, 0]
    unknown = torch.full((len(episode),), torch.nan)
    tokens = LossInputs(
        episode=episode,
        logprobs=logprobs[mask],
        entropy=unknown,
        values=unknown,
        old_logprobs=old[mask],
        ref_logprobs=ref[mask],
        old_values=unknown,
        advantages=advantages[episode],
        returns=unknown,
        importance=torch.ones(len(episode)),
        weight=torch.from_numpy(normalizer(episode.numpy(), config)),
        mean_weight=1 / len(episode),
        kl_coef=beta,
        entropy_coef=0.0,
    )
    ours = ALGORITHM.loss(tokens, config).total
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    if beta:  # TRL differentiates the ratio that weighs the divergence too, which is no divergence's gradient
        return
    (gradient,) = torch.autograd.grad(ours, logprobs)
    torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=0)
    assert (gradient == 0)[mask].any(), "some token should be clipped"


def test_every_token_of_an_episode_has_its_advantage() -> None:
    batch = scored(
        [
            trajectory([[0, 0], [1]], [turn(1.0), turn(2.0)], group=1),
            trajectory([[0]], [turn(1.0)], group=1),
            trajectory([[0]], [turn(9.0)], group=2),
        ],
        np.random.default_rng(0),
    )
    result = credit(batch, GRPOConfig(scale_advantage="none"))
    np.testing.assert_allclose(result.advantages, [1, 1, 1, -1, 0])
    assert result.mask.all()


def test_an_episode_that_was_not_fully_scored_is_not_trained() -> None:
    records = [turn(5.0), turn(0.0, valid=False)]
    batch = scored(
        [trajectory([[0, 1]], records), trajectory([[0]], [turn(1.0)]), trajectory([[0]], [turn(3.0)])],
        np.random.default_rng(0),
    )
    result = credit(batch, GRPOConfig(scale_advantage="none"))
    assert result.mask.tolist() == [False, False, True, True]
    np.testing.assert_allclose(result.advantages[result.mask], [-1, 1])
