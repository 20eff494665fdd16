"""The natural gradient's mathematics: Fisher-vector products, conjugate gradient, step length and line search.

The step `s` that raises an objective with gradient `g` the most within ``KL <= max_kl`` is, to second order,
``sqrt(2 max_kl / x'Fx) x`` with ``F x = g``. Sources: Amari 1998, "Natural Gradient Works Efficiently in Learning";
Schulman et al. 2015, "Trust Region Policy Optimization", appendix C.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


def flat_gradient(value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return the gradient [P] of a scalar in at least float32, laid end to end; 0 for parameters that play no part."""
    return _flatten(torch.autograd.grad(value, parameters, materialize_grads=True))


def hessian(value: Tensor, parameters: Sequence[Tensor]) -> Callable[[Tensor], Tensor]:
    """Return multiplication by the Hessian of a scalar, [P] to [P], without forming the Hessian.

    The slopes are computed here, once; every product is one more backward pass through them. So what is returned holds
    the graph that led to `value`.

    Where the scalar is the mean KL divergence of a policy from its own copy, this is the Fisher matrix times `vector`:
    value and slope of the divergence are zero there, and its curvature is the Fisher information.
    Source: Pearlmutter 1994, "Fast Exact Multiplication by the Hessian".

    Args:
        value: scalar that can be differentiated twice.
        parameters: of `P` numbers in all.
    """
    slopes = torch.autograd.grad(value, parameters, create_graph=True, materialize_grads=True)

    def product(vector: Tensor) -> Tensor:
        parts = split_like(vector, parameters)
        along = torch.stack([(slope * part).sum() for slope, part in zip(slopes, parts, strict=True)]).sum()
        return _flatten(torch.autograd.grad(along, parameters, retain_graph=True, materialize_grads=True))

    return product


def split_like(vector: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    """Return the pieces of `vector` [P] in the shapes of `parameters`."""
    pieces = vector.split([parameter.numel() for parameter in parameters])
    return [piece.view_as(parameter) for piece, parameter in zip(pieces, parameters, strict=True)]


def conjugate_gradient(
    matvec: Callable[[Tensor], Tensor], target: Tensor, steps: int, tolerance: float = 1e-10
) -> Tensor:
    """Return `x` with ``A x = target`` as nearly as `steps` steps from zero get.

    Source: Hestenes & Stiefel 1952, "Methods of Conjugate Gradients for Solving Linear Systems".

    Args:
        matvec: multiplies by `A`, symmetric and positive definite.
        target: [P].
        steps: the most that are made; as many as `target` has numbers are exact but for rounding.
        tolerance: stop once the squared residual is below this share of the squared target.
    """
    solution, residual = torch.zeros_like(target), target.clone()
    direction, squared = residual.clone(), residual @ residual
    enough = tolerance * squared
    for _ in range(steps):
        if squared <= enough:
            break
        image = matvec(direction)
        length = squared / (direction @ image)
        solution += length * direction
        residual -= length * image
        previous, squared = squared, residual @ residual
        direction = residual + (squared / previous) * direction
    return solution


def longest_step(curvature: float, max_kl: float) -> float:
    """Return the factor of a direction `x` at which the quadratic model of the divergence reaches `max_kl`.

    Args:
        curvature: ``x'Fx``.
        max_kl: > 0.

    Returns:
        ``sqrt(2 max_kl / x'Fx)``; 0 where the curvature is not a positive number, so there is no such step.
    """
    return math.sqrt(2 * max_kl / curvature) if 0 < curvature < math.inf else 0.0


class LineSearch(NamedTuple):
    """How a line search ended.

    Attributes:
        fraction: of the full step that was accepted; 0.0 if none was.
        tries: lengths that were tried.
    """

    fraction: float
    tries: int


def backtrack(accepts: Callable[[float], bool], shrink: float, steps: int) -> LineSearch:
    """Try the full step, and ever shorter ones until one is accepted.

    Args:
        accepts: says whether a fraction of the full step will do.
        shrink: what a refused fraction is multiplied by, in (0, 1).
        steps: the most fractions that are tried.
    """
    fraction = 1.0
    for tries in range(1, steps + 1):
        if accepts(fraction):
            return LineSearch(fraction, tries)
        fraction *= shrink
    return LineSearch(0.0, steps)


def _flatten(gradients: Sequence[Tensor]) -> Tensor:
    """Lay gradients end to end; sums over thousands of tokens need more than bfloat16's eight bits."""
    return torch.cat([g.reshape(-1).to(torch.promote_types(g.dtype, torch.float32)) for g in gradients])
