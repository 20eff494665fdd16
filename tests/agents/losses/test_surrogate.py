"""The clipped surrogate."""

from __future__ import annotations

import math

import pytest
import torch

from agents.losses.surrogate import clipped_surrogate, clipped_weight_surrogate


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "clipped"),
    [
        (1.0, 2.0, -2.0, False),
        (1.1, 2.0, -2.2, False),
        (1.5, 2.0, -2.6, True),  # may rise to 1 + 0.3
        (0.5, 2.0, -1.0, False),  # worse than before: keeps its gradient
        (0.5, -2.0, 1.6, True),  # may fall to 1 - 0.2
        (1.5, -2.0, 3.0, False),
    ],
)
def test_table_by_hand(ratio: float, advantage: float, loss: float, clipped: bool) -> None:
    logprobs = torch.tensor([math.log(ratio) - 1.0], requires_grad=True)
    result = clipped_surrogate(logprobs + 1.0, torch.tensor([advantage]), 0.2, 0.3)
    assert result.loss.item() == pytest.approx(loss, abs=1e-6)
    assert result.clipped.item() is clipped
    result.loss.sum().backward()
    assert logprobs.grad is not None
    assert logprobs.grad.item() == pytest.approx(0.0 if clipped else -ratio * advantage, abs=1e-5)


def test_gradient_equals_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    logprobs, old, advantages = torch.randn(3, 50, dtype=torch.float64, generator=generator)
    logprobs.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: clipped_surrogate(x - old, advantages, 0.2, 0.3).loss, (logprobs,))


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "clipped"),
    [
        (2.5, -2.0, 5.0, False),
        (4.0, -2.0, 6.0, True),  # costs 3 times the advantage, and no more
        (0.5, -2.0, 1.6, True),
        (4.0, 2.0, -2.6, True),  # the second clip is for negative advantages only
        (0.5, 2.0, -1.0, False),
    ],
)
def test_dual_clip_by_hand(ratio: float, advantage: float, loss: float, clipped: bool) -> None:
    log_ratio = torch.tensor([math.log(ratio)], requires_grad=True)
    result = clipped_surrogate(log_ratio, torch.tensor([advantage]), 0.2, 0.3, dual_clip=3.0)
    assert result.loss.item() == pytest.approx(loss, abs=1e-6)
    assert result.clipped.item() is clipped
    (gradient,) = torch.autograd.grad(result.loss.sum(), log_ratio)
    assert gradient.item() == pytest.approx(0.0 if clipped else -ratio * advantage, abs=1e-5)


@pytest.mark.parametrize(("ratio", "weight", "clipped"), [(0.1, 0.1, False), (1.0, 1.0, False), (2.0, 1.3, True)])
def test_clipped_weight_by_hand(ratio: float, weight: float, clipped: bool) -> None:
    logprobs = torch.tensor([math.log(ratio) - 1.0], requires_grad=True)
    result = clipped_weight_surrogate(logprobs, logprobs + 1.0, torch.tensor([-2.0]), 0.3)
    assert result.loss.item() == pytest.approx(2.0 * weight * logprobs.item(), abs=1e-6)
    assert result.clipped.item() is clipped
    (gradient,) = torch.autograd.grad(result.loss.sum(), logprobs)
    assert gradient.item() == pytest.approx(2.0 * weight, abs=1e-6), "clipped or not, the token has a gradient"


def test_dual_clips_gradient_equals_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    log_ratio, advantages = torch.randn(2, 50, dtype=torch.float64, generator=generator)
    log_ratio.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: clipped_surrogate(x, advantages, 0.2, 0.3, 2.0).loss, (log_ratio,))
