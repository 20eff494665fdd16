"""The language model as a policy whose actions are masked, for sb3-contrib's MaskablePPO."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule

from agents.sb3.policy import LanguageModelActorCritic, LanguageModelFeatures, LanguageModelSource, language_model_of


class MaskableTokenPolicy(LanguageModelActorCritic, MaskableActorCriticPolicy):
    """Any Hugging Face causal language model under MaskablePPO: it says only what the view's `action_masks` allow.

    Args:
        observation_space: of a `token_view`.
        action_space: of the same.
        lr_schedule: learning rate by remaining progress.
        language_model: what acts, see `TokenPolicy`.
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
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
    ) -> None:
        policy = language_model_of(language_model)
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            features_extractor_class=LanguageModelFeatures,
            features_extractor_kwargs={"policy": policy},
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
        )
        self.language_model = policy
