"""The critics that a policy may have: a head on its own trunk, or a transformer of its own."""

from __future__ import annotations

import copy
from typing import Any, Literal

from torch import Tensor, nn

from agents.policies.selection import decoder, states_at
from agents.policies.value_head import ValueHead

CriticKind = Literal["head", "separate"]


class SeparateCritic(nn.Module):
    """A value head on a trunk of its own: no gradient of the critic ever meets the policy's.

    The trunk begins as the policy's. What is trained in the policy is copied and trained here too; what is frozen
    there is shared. So beside an adapter the critic is an adapter of its own on the same frozen base, which costs
    next to no memory, and beside a policy trained in full it is a full copy.

    Args:
        model: the policy's language model, with or without an adapter.
        hidden_size: width of its hidden states.
    """

    def __init__(self, model: Any, hidden_size: int) -> None:
        super().__init__()
        self.trunk: Any = copy_trunk(model)
        self.head = ValueHead(hidden_size)

    def forward(self, token_ids: Tensor, attention_mask: Tensor, positions: Tensor) -> Tensor:
        """Return the values [N] of the states after the tokens at `positions`, row-major; arguments [B, L]."""
        return self.head(states_at(self.trunk, token_ids, attention_mask, positions))

    def begin_as(self, model: Any) -> None:
        """Let the trunk be the policy's as it is now; the head stays."""
        self.trunk = copy_trunk(model)


Critic = ValueHead | SeparateCritic


def build_critic(kind: CriticKind, model: Any, hidden_size: int, detach: bool) -> Critic:
    """Return a critic that values every state at 0.

    Args:
        kind: on the policy's trunk, or on its own.
        model: the policy's language model.
        hidden_size: width of its hidden states.
        detach: keep the value loss of a ``"head"`` from changing the language model.
    """
    return ValueHead(hidden_size, detach) if kind == "head" else SeparateCritic(model, hidden_size)


def copy_trunk(model: Any) -> Any:
    """Return the model without its output layer: trained weights copied, frozen ones shared."""
    return copy_trained(decoder(model))


def copy_trained(module: Any) -> Any:
    """Return a copy of a module: trained weights copied, frozen ones shared."""
    shared = {id(weight): weight for weight in module.parameters() if not weight.requires_grad}
    return copy.deepcopy(module, shared)


def own_weights(critic: Critic) -> dict[str, Tensor]:
    """Return the weights that are the critic's alone: all that are trained."""
    return {name: weight.detach() for name, weight in critic.named_parameters() if weight.requires_grad}
