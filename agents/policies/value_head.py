"""The critic: a small network on the language model's last hidden state."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ValueHead(nn.Module):
    """Predicts the return from the state before a token.

    The output layer starts at zero, so an untrained critic predicts 0 everywhere and the first advantages
    are the plain returns. It always computes in float32, whatever the model's own precision.

    Args:
        hidden_size: width of the model's hidden states.
        detach: keep the value loss from changing the language model (its gradient stops here).
    """

    def __init__(self, hidden_size: int, detach: bool = False) -> None:
        super().__init__()
        self.detach = detach
        self.hidden = nn.Linear(hidden_size, hidden_size)
        self.output = nn.Linear(hidden_size, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Return the values [...] of hidden states [..., hidden_size]."""
        states = states.float()
        if self.detach:
            states = states.detach()
        # No view: FSDP hooks on to what a layer returns, and would lose hold of a view that is written to.
        return torch.squeeze_copy(self.output(torch.nn.functional.gelu(self.hidden(states))), -1)
