"""The token view of an environment, for the tokenizer and the chat template of one language model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gymnasium as gym

from agents.policies.causal_lm import CausalLMPolicy
from textenvs.wrappers import OneOf, Tokens
from textenvs.wrappers.tokens import Allowed, TokenForm


def token_view(
    env: gym.Env[Any, Any],
    policy: CausalLMPolicy,
    *,
    max_new_tokens: int = 64,
    context_length: int | None = None,
    form: TokenForm = "dict",
    allowed: Allowed | None = None,
) -> Tokens:
    """Return an environment in which one token of a language model is one action.

    Args:
        env: a text environment.
        policy: whose tokens and chat template.
        max_new_tokens: longest turn, in tokens, its stop token included.
        context_length: longest context, in tokens; None is the model's own limit. It is the length of every observation
            that a learner stores.
        form: of the observations, see `Tokens`.
        allowed: what the action masks allow, such as `phrases`; None allows what can be written: every token that the
            tokenizer knows, but of the control tokens only those that end the turn.

    Raises:
        ConfigError: if a turn leaves no room for a prompt.
    """
    sayable = _sayable(policy)
    return Tokens(
        env,
        policy.chat,
        vocabulary_size(policy),
        context_length=min(context_length or policy.context_length, policy.context_length),
        max_new_tokens=max_new_tokens,
        form=form,
        allowed=allowed or (lambda said: sayable),
    )


def phrases(policy: CausalLMPolicy, texts: Iterable[str]) -> OneOf:
    """Return what allows the turns that are one of these texts, and no others."""
    return OneOf(policy.chat.action_ids(text) for text in texts)


def vocabulary_size(policy: CausalLMPolicy) -> int:
    """Return how many tokens the model can predict; often more than the tokenizer has."""
    return int(policy.model.get_output_embeddings().weight.shape[0])


def _sayable(policy: CausalLMPolicy) -> list[int]:
    """Return the ids that can be written: text, and what ends a turn."""
    tokenizer = policy.tokenizer
    control = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    known = set(tokenizer.get_vocab().values()) - control | set(policy.chat.stop_ids)
    return sorted(number for number in known if number < vocabulary_size(policy))
