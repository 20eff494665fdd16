"""The clipped surrogate."""

from __future__ import annotations

import math

import pytest
import torch

from agents.losses.surrogate import clipped_surrogate


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
