"""The critic's loss, plain and clipped."""

from __future__ import annotations

import torch

from agents.losses.value import squared_value_error


def test_table_by_hand() -> None:
    values = torch.tensor([1.0, 1.0, -1.0], requires_grad=True)
    returns, old = torch.tensor([3.0, 3.0, 3.0]), torch.tensor([0.9, 0.0, 0.0])
    assert squared_value_error(values, returns, old, None).tolist() == [4, 4, 16]
    clipped = squared_value_error(values, returns, old, 0.5)
    torch.testing.assert_close(clipped, torch.tensor([4.0, 6.25, 12.25]))
    clipped.sum().backward()
    torch.testing.assert_close(values.grad, torch.tensor([-4.0, 0.0, 0.0]))


def test_gradient_equals_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    values, returns, old = torch.randn(3, 50, dtype=torch.float64, generator=generator)
    values.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: squared_value_error(x, returns, old, 0.5), (values,))
