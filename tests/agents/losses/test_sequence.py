"""The ratio of whole episodes."""

from __future__ import annotations

import torch

from agents.losses.sequence import sequence_log_ratio

EPISODE = torch.tensor([7, 3, 7, 3, 3])


def test_table_by_hand() -> None:
    log_ratio = torch.tensor([0.1, 1.0, 0.3, 2.0, -6.0])
    summed = sequence_log_ratio(log_ratio, EPISODE, mean=False)
    torch.testing.assert_close(summed, torch.tensor([0.4, -3.0, 0.4, -3.0, -3.0]), atol=1e-6, rtol=0)
    mean = sequence_log_ratio(log_ratio, EPISODE, mean=True)
    torch.testing.assert_close(mean, torch.tensor([0.2, -1.0, 0.2, -1.0, -1.0]), atol=1e-6, rtol=0)
    assert len(sequence_log_ratio(torch.zeros(0), EPISODE[:0], mean=True)) == 0


def test_gradient_equals_finite_differences() -> None:
    log_ratio = torch.randn(5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for mean in (False, True):
        assert torch.autograd.gradcheck(lambda x, mean=mean: sequence_log_ratio(x, EPISODE, mean=mean), (log_ratio,))
