"""The natural gradient's mathematics against linear algebra, and the Fisher matrix by enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from agents.losses.kl import categorical_kl
from agents.trainer.natural_gradient import (
    LineSearch,
    backtrack,
    conjugate_gradient,
    flat_gradient,
    hessian,
    longest_step,
    split_like,
)

STATES, ACTIONS = 5, 4


def positive_definite(size: int, seed: int) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(size, size))
    return root @ root.T + 0.1 * np.eye(size)


@pytest.mark.parametrize("seed", range(5))
def test_conjugate_gradient_solves_what_numpy_solves(seed: int) -> None:
    matrix, target = positive_definite(12, seed), np.random.default_rng(seed + 100).normal(size=12)
    found = conjugate_gradient(lambda v: torch.from_numpy(matrix) @ v, torch.from_numpy(target), 40, tolerance=1e-28)
    np.testing.assert_allclose(found.numpy(), np.linalg.solve(matrix, target), rtol=1e-8)


@pytest.mark.parametrize("steps", range(6))
def test_a_few_steps_reach_the_best_point_that_as_many_products_span(steps: int) -> None:
    """What defines the method: the least error, in the matrix's norm, over b, Ab, AAb ..."""
    matrix, target = positive_definite(12, 0), np.ones(12)
    krylov = np.stack([np.linalg.matrix_power(matrix, power) @ target for power in range(steps)] or [0 * target], 1)
    basis = np.linalg.qr(krylov)[0] if steps else krylov
    best = basis @ np.linalg.pinv(basis.T @ matrix @ basis) @ basis.T @ target
    found = conjugate_gradient(lambda v: torch.from_numpy(matrix) @ v, torch.from_numpy(target), steps)
    np.testing.assert_allclose(found.numpy(), best, atol=1e-7)


def test_the_residual_ends_the_search_relative_to_the_target() -> None:
    asked: list[int] = []

    def matvec(vector: Tensor) -> Tensor:
        asked.append(1)
        return 2 * vector

    tiny = torch.full((3,), 1e-12, dtype=torch.float64)
    torch.testing.assert_close(conjugate_gradient(matvec, tiny, 10), tiny / 2, atol=0, rtol=1e-12)
    assert len(asked) == 1
    assert not conjugate_gradient(matvec, torch.zeros(3), 10).any()
    assert len(asked) == 1


class Softmax(nn.Module):
    """A policy of two layers over a few states, small enough to write its Fisher matrix down."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first = nn.Parameter(torch.randn(STATES, 3, generator=generator, dtype=torch.float64))
        self.second = nn.Parameter(torch.randn(3, ACTIONS, generator=generator, dtype=torch.float64))

    def forward(self) -> Tensor:
        return torch.log_softmax(torch.tanh(self.first) @ self.second, -1)


def exact_fisher(model: Softmax) -> Tensor:
    """Return ``E_s E_{a~pi} [grad log pi(a|s) grad log pi(a|s)']``, term by term."""
    parameters, logprobs = list(model.parameters()), model()
    matrix = 0
    for state in range(STATES):
        for action in range(ACTIONS):
            score = torch.autograd.grad(logprobs[state, action], parameters, retain_graph=True)
            flat = torch.cat([part.flatten() for part in score])
            matrix = matrix + logprobs[state, action].exp().detach() * torch.outer(flat, flat) / STATES
    return matrix


def test_the_hessian_of_the_divergence_is_the_fisher_matrix() -> None:
    model = Softmax()
    parameters = list(model.parameters())
    fisher = exact_fisher(model)
    logprobs = model()
    product = hessian(categorical_kl(logprobs, logprobs.detach()).mean(), parameters)
    for column in torch.eye(len(fisher), dtype=torch.float64):
        torch.testing.assert_close(product(column), fisher @ column, atol=1e-12, rtol=0)


def test_the_longest_step_reaches_the_bound_to_second_order() -> None:
    model = Softmax()
    old, fisher = model().detach(), exact_fisher(model)
    direction = torch.randn(len(fisher), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    parameters = list(model.parameters())
    origin = [parameter.detach().clone() for parameter in parameters]
    for bound, slack in ((1e-2, 0.2), (1e-4, 0.02), (1e-6, 0.002)):
        step = longest_step(float(direction @ fisher @ direction), bound) * direction
        with torch.no_grad():
            for parameter, start, part in zip(parameters, origin, split_like(step, parameters), strict=True):
                parameter.copy_(start + part)
            assert categorical_kl(model(), old).mean().item() == pytest.approx(bound, rel=slack)


@pytest.mark.parametrize("curvature", [0.0, -1.0, math.nan, math.inf])
def test_no_step_without_a_positive_curvature(curvature: float) -> None:
    assert longest_step(curvature, 0.01) == 0.0


def test_a_parameter_that_plays_no_part_has_a_zero_gradient() -> None:
    used, unused = (torch.ones(2, dtype=torch.bfloat16, requires_grad=True) for _ in range(2))
    gradient = flat_gradient((used**2).sum(), [used, unused])
    assert gradient.tolist() == [2.0, 2.0, 0.0, 0.0]
    assert gradient.dtype == torch.float32


def test_backtracking_takes_the_first_length_that_will_do() -> None:
    tried: list[float] = []

    def accepts(fraction: float) -> bool:
        tried.append(fraction)
        return fraction < 0.3

    assert backtrack(accepts, 0.5, 10) == LineSearch(0.25, 3)
    assert tried == [1.0, 0.5, 0.25]
    assert backtrack(lambda _: False, 0.5, 4) == LineSearch(0.0, 4)
