"""A language model as the policy of stable-baselines3's actor-critic algorithms, on the token view.

The algorithms are untouched. Theirs is a policy in three steps: a features extractor, a part that divides the features
between actor and critic, and a network for each. Here the extractor is the whole language model with its output layer,
run at the last token alone; actor and critic get the logits and the last hidden state, and the critic's network is a
value head. Everything else (sampling, log-probabilities, entropy, masks) is theirs.

Every step runs the model over the whole context: an observation is all that these algorithms hand to a policy, so
nothing is cached between two tokens. `agents.PPO` is the one for long runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from agents.policies.causal_lm import CausalLMPolicy
from agents.policies.selection import logits_at
from agents.policies.storage import hidden_size
from agents.policies.value_head import ValueHead
from agents.sb3.views import vocabulary_size
from textenvs.errors import ConfigError

LanguageModelSource = CausalLMPolicy | str | Path
"""A policy, trained in place; or what `CausalLMPolicy.from_pretrained` takes, which keeps saved files small."""


class LanguageModelFeatures(BaseFeaturesExtractor):
    """Runs a language model and gives the logits of the next token and the last hidden state, side by side.

    Args:
        observation_space: of the token view, in either form.
        policy: the language model.

    Raises:
        ConfigError: if the space is no token view of this model.
    """

    def __init__(self, observation_space: spaces.Space[Any], policy: CausalLMPolicy) -> None:
        self.vocabulary, self.width = vocabulary_size(policy), hidden_size(policy.model)
        _check_space(observation_space, self.vocabulary)
        super().__init__(observation_space, self.vocabulary + self.width)
        self.model: nn.Module = policy.model

    def forward(self, observations: Tensor | Mapping[str, Tensor]) -> Tensor:
        """Return [B, V + H] of contexts [B, L]."""
        ids, mask = _contexts(observations)
        last = torch.zeros_like(mask)
        last[torch.arange(len(mask)), mask.sum(1) - 1] = True
        logits_BV, states_BH = logits_at(self.model, ids, mask, last)
        return torch.cat([logits_BV.float(), states_BH.float()], dim=-1)

    def train(self, mode: bool = True) -> LanguageModelFeatures:
        """Leave dropout off: otherwise the ratio of the first minibatch would not be 1."""
        return super().train(False)


class ActorAndCritic(nn.Module):
    """Divides the features: the first `latent_dim_pi` are the actor's, the other `latent_dim_vf` the critic's.

    Args:
        features: that give them.
    """

    def __init__(self, features: LanguageModelFeatures) -> None:
        super().__init__()
        self.latent_dim_pi, self.latent_dim_vf = features.vocabulary, features.width

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the actor's and the critic's."""
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Tensor) -> Tensor:
        """Return the logits [B, V]."""
        return features[:, : self.latent_dim_pi]

    def forward_critic(self, features: Tensor) -> Tensor:
        """Return the hidden states [B, H]."""
        return features[:, self.latent_dim_pi :]


class LanguageModelActorCritic:
    """What the policies of this room share: how their networks are built around a language model.

    It stands before one of stable-baselines3's own classes of policies, whose `_build` it replaces.
    """

    features_extractor: Any
    optimizer_class: type[torch.optim.Optimizer]
    optimizer_kwargs: dict[str, Any]
    observation_space: Any
    action_space: Any
    language_model: CausalLMPolicy

    def _build(self, lr_schedule: Schedule) -> None:
        """Make the networks and the optimizer."""
        features = self.features_extractor
        self.mlp_extractor = ActorAndCritic(features)
        self.action_net = nn.Identity()
        # sb3-contrib's TRPO knows the critic's parameters by "value" in their names.
        self.value_net = nn.Sequential(ValueHead(features.width), nn.Unflatten(0, (-1, 1)))
        weights = [weight for weight in self.parameters() if weight.requires_grad]  # type: ignore[attr-defined]
        self.optimizer = self.optimizer_class(weights, lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {
            "observation_space": self.observation_space,
            "action_space": self.action_space,
            "lr_schedule": lambda progress: 0.0,
            "language_model": self.language_model,
            "optimizer_class": self.optimizer_class,
            "optimizer_kwargs": self.optimizer_kwargs,
        }


class TokenPolicy(LanguageModelActorCritic, ActorCriticPolicy):
    """Any Hugging Face causal language model under PPO, A2C and TRPO: ``PPO(TokenPolicy, view, policy_kwargs=...)``.

    TRPO differentiates twice, so it needs ``attention="eager"`` in the language model; and it leaves alone every
    parameter with "value" in its name, which in some architectures (BLOOM, Falcon, GPT-NeoX) is most of the attention.

    Args:
        observation_space: of a `token_view`.
        action_space: of the same.
        lr_schedule: learning rate by remaining progress.
        language_model: what acts. A `CausalLMPolicy` is trained in place, so it can be evaluated, saved and served
            afterwards; its own critic and reference play no part.
        use_sde: always False; the algorithms pass it.
        optimizer_class: of the optimizer.
        optimizer_kwargs: for it.

    Attributes:
        language_model: the policy whose weights are trained.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        language_model: LanguageModelSource,
        use_sde: bool = False,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
    ) -> None:
        policy = language_model_of(language_model)
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            use_sde=use_sde,
            features_extractor_class=LanguageModelFeatures,
            features_extractor_kwargs={"policy": policy},
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
        )
        self.language_model = policy


def language_model_of(source: LanguageModelSource) -> CausalLMPolicy:
    """Return the policy that was given, or the one at that name or folder, without critic and reference."""
    if isinstance(source, CausalLMPolicy):
        return source
    return CausalLMPolicy.from_pretrained(source, critic=None, reference=None)


def _contexts(observations: Tensor | Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return ids and mask [B, L], as long as the longest context; the algorithms hand both over as floats."""
    if isinstance(observations, Tensor):
        mask = observations >= 0
        ids = observations.clamp(min=0)
    else:
        ids, mask = observations["ids"], observations["mask"] > 0
    width = max(1, int(mask.sum(1).max()))
    return ids[:, :width].long(), mask[:, :width]


def _check_space(space: spaces.Space[Any], vocabulary: int) -> None:
    ids = space["ids"] if isinstance(space, spaces.Dict) and "ids" in space.spaces else space
    if not isinstance(ids, spaces.Box) or ids.dtype is None or ids.dtype.kind != "i":
        raise ConfigError(
            "a language model acts on the token view: give the algorithm agents.sb3.views.token_view(env, ...)"
        )
    if int(ids.high.max()) != vocabulary - 1:
        raise ConfigError(
            f"the view has {int(ids.high.max()) + 1} tokens and the language model {vocabulary}: make the view with "
            "the same language model"
        )
