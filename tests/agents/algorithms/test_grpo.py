"""GRPO and RLOO: which episodes are compared, what is trained, and which settings are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.algorithms import grpo, rloo
from agents.algorithms.grpo import GRPOConfig, credit
from agents.trajectory import TokenBatch
from tests.agents.build import loss_inputs, scored, trajectory, turn
from textenvs.errors import ConfigError, UnknownNameError


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


def test_rloo_compares_with_the_others() -> None:
    episodes = [trajectory([[0, 0]], [turn(r)]) for r in (1.0, 2.0, 6.0)]
    result = rloo.credit(TokenBatch.of(episodes), rloo.RLOOConfig())
    np.testing.assert_allclose(result.advantages, np.repeat([1 - 4.0, 2 - 3.5, 6 - 1.5], 2))
    alone = rloo.credit(TokenBatch.of(episodes[:1]), rloo.RLOOConfig(group_size=1))
    assert alone.advantages.tolist() == [0, 0]


def test_parts_are_summed_over_the_turns_that_were_scored_in_them() -> None:
    nan = float("nan")
    late = [turn(0.0, parts={"exact": nan, "brief": 1.0}), turn(1.0, parts={"exact": 1.0, "brief": 1.0})]
    never = [turn(0.0, parts={"exact": nan}), turn(0.0)]
    batch = TokenBatch.of([trajectory([[0, 1]], late), trajectory([[0, 1]], never)])
    np.testing.assert_array_equal(batch.part_returns["exact"], [1, nan])
    np.testing.assert_array_equal(batch.part_returns["brief"], [2, nan])


def test_an_unknown_part_names_the_nearest() -> None:
    batch = TokenBatch.of([trajectory([[0]], [turn(parts={"exact": 1.0})])])
    with pytest.raises(UnknownNameError, match="exact"):
        credit(batch, GRPOConfig(part_weights={"exakt": 1.0}))
    assert len(credit(TokenBatch.of([]), GRPOConfig(part_weights={"exact": 1.0})).mask) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dr_grpo_tokens": 0}, "at least 1"),
        ({"part_weights": {"x": 1.0}, "kl_placement": "reward", "kl_estimator": "k1"}, "kl_placement"),
        ({"loss_type": "cispo", "dual_clip": 3.0}, "cispo"),
        ({"dual_clip": 1.1}, "dual_clip"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        GRPOConfig(**settings)


def test_what_adds_up_over_an_episode_asks_for_whole_episodes() -> None:
    assert rloo.ALGORITHM.whole_episodes(rloo.RLOOConfig())
    assert grpo.ALGORITHM.whole_episodes(GRPOConfig(loss_type="gspo"))
    assert not grpo.ALGORITHM.whole_episodes(GRPOConfig())


def rloo_loss(**tokens: Tensor) -> Tensor:
    return rloo.loss(loss_inputs(**tokens), rloo.RLOOConfig(clip_range=0.2)).total


def gspo_loss(**tokens: Tensor) -> Tensor:
    return grpo.loss(loss_inputs(**tokens), GRPOConfig(loss_type="gspo", clip_range=0.2)).total


def cispo_loss(**tokens: Tensor) -> Tensor:
    return grpo.loss(loss_inputs(**tokens), GRPOConfig(loss_type="cispo", clip_range_high=0.2)).total


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (rloo_loss, -2 * 1.1 / 2 + 4.0 / 2),  # 1.1 x 1 and 2 x 2; a bad one's ratio may rise
        (gspo_loss, -2 * 1.0488088 / 2 + 2.0 / 2),  # the roots of these
    ],
)
def test_the_loss_of_whole_episodes_by_hand(loss, expected: float) -> None:
    """Two episodes of two tokens, in turns, at ratios of 1.1, 2, 1 and 2, the first good and the second bad."""
    ratios = torch.tensor([1.1, 2.0, 1.0, 2.0], dtype=torch.float64)
    total = loss(
        logprobs=ratios.log() - 1,
        old_logprobs=torch.full_like(ratios, -1),
        advantages=torch.tensor([2.0, -1.0, 2.0, -1.0], dtype=torch.float64),
        episode=torch.tensor([7, 3, 7, 3]),
    )
    assert total.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("loss", "smooth"), [(rloo_loss, True), (gspo_loss, True), (cispo_loss, False)])
def test_the_losss_gradient_equals_finite_differences(loss, smooth: bool) -> None:
    """But for CISPO, whose weight is held constant: its gradient is not its value's, and must not be."""
    generator = torch.Generator().manual_seed(0)
    episode = torch.arange(8).repeat(3)
    logprobs, noise = torch.randn(2, 24, dtype=torch.float64, generator=generator)
    advantages = torch.randn(8, dtype=torch.float64, generator=generator)[episode]
    old = logprobs + 0.2 * noise

    def total(logprobs: Tensor) -> Tensor:
        return loss(logprobs=logprobs, old_logprobs=old, advantages=advantages, episode=episode)

    agrees = torch.autograd.gradcheck(total, (logprobs.requires_grad_(),), raise_exception=smooth)
    assert agrees is smooth
