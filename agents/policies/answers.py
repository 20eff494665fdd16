"""An answer to a conversation as tokens: what came before it, and the answer with its stop token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.chat import ChatRenderer
from textenvs.messages import Message


def prompt_ids(chat: ChatRenderer, messages: Sequence[Mapping[str, str]], tools: Sequence[str] = ()) -> list[int]:
    """Return the context at which the agent answers a conversation, in the tokens that a rollout would have had.

    Args:
        chat: renders.
        messages: the instruction as a system message (optional), then the conversation.
        tools: JSON Schemas on offer, as JSON text.
    """
    ids, _ = chat.render_example([*messages, Message("assistant", "")], tools)
    return ids[: len(ids) - len(chat.action_ids(""))]


def keep_end(prompt: list[int], answer: list[int], limit: int) -> tuple[list[int], list[int]]:
    """Return prompt and answer within a limit of tokens: what came first is dropped first.

    One token of the prompt always stays, for something has to predict the answer's first.

    Args:
        prompt: at least one token.
        answer: with its stop token.
        limit: most tokens of both; at least 2.
    """
    answer = answer[-(limit - 1) :]
    return prompt[-(limit - len(answer)) :], answer
