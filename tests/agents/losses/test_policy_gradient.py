"""The likelihood-ratio estimator: by hand, and against the exact gradient of a tabular policy's expected return."""

from __future__ import annotations

from itertools import product

import torch

from agents.algorithms.monte_carlo import return_credit
from agents.algorithms.reinforce import ALGORITHM, REINFORCEConfig
from agents.losses.policy_gradient import score_function
from agents.trajectory import TokenBatch
from tests.agents.build import loss_inputs, trajectory, turn


def test_table_by_hand() -> None:
    logprobs = torch.tensor([-1.0, -0.5, -2.0], requires_grad=True)
    loss = score_function(logprobs, torch.tensor([2.0, -1.0, 0.0]))
    assert loss.tolist() == [2.0, -0.5, 0.0]
    loss.sum().backward()
    torch.testing.assert_close(logprobs.grad, torch.tensor([-2.0, 1.0, 0.0]))


def test_gradient_equals_finite_differences() -> None:
    logprobs, advantages = torch.randn(2, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(lambda x: score_function(x, advantages), (logprobs.requires_grad_(),))


def test_reinforce_is_the_gradient_of_the_expected_return() -> None:
    """Two turns of one token each, both paid: every sequence enumerated, credit and loss as they are trained."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    first, second = torch.randn(3, generator=generator), torch.randn(3, 3, generator=generator)
    sequences = list(product(range(3), repeat=2))
    table = logits.log_softmax(-1)
    logprobs = torch.stack([torch.stack([table[0, a], table[1 + a, b]]) for a, b in sequences])
    probability = logprobs.sum(1).exp()
    gamma = 0.9
    expected_return = sum(
        p * (first[a].item() + gamma * second[a, b].item()) for p, (a, b) in zip(probability, sequences, strict=True)
    )
    (exact,) = torch.autograd.grad(expected_return, logits, retain_graph=True)

    rewards = [[turn(first[a].item()), turn(second[a, b].item())] for a, b in sequences]
    batch = TokenBatch.of([trajectory([[0, 1]], records) for records in rewards])
    config = REINFORCEConfig(normalize_advantage=False, turn_gamma=gamma)
    # The policy gradient theorem weighs a visited state by its discount; the usual estimator leaves that out.
    discount = torch.tensor([1.0, gamma], dtype=torch.float64).repeat(len(sequences))
    tokens = loss_inputs(
        logprobs.flatten(),
        advantages=torch.from_numpy(return_credit(batch, config).advantages).double(),
        weight=probability.detach().repeat_interleave(2) * discount,
    )
    (ours,) = torch.autograd.grad(ALGORITHM.loss(tokens, config).total, logits)
    torch.testing.assert_close(-ours, exact, atol=1e-6, rtol=0)
