"""Kinds of training rows: what a mixture balances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

REWRITE, NO_REWRITE, CALL, NO_CALL, DIALOGUE, FEEDBACK = KINDS = (
    "rewrite_needed",
    "rewrite_not_needed",
    "tool_call",
    "no_call",
    "dialogue_strategy",
    "feedback",
)
"""The six kinds that a mixture has unless it is told others; a row may name any kind of its own."""


def kind_of(row: Mapping[str, Any]) -> str:
    """Return a row's kind: what it says itself, or ``"feedback"`` of what users have corrected; ``""`` of any other."""
    return str(row.get("kind") or (FEEDBACK if row.get("source") in ("correction", "favourite") else ""))


def kind_of_demonstration(family: str, messages: Sequence[Mapping[str, str]]) -> str:
    """Return the kind of a conversation that an environment's oracle has played; of one's own family, its name.

    A rewriter's is ``"rewrite_needed"`` if any answer differs from what the user said, a tool agent's ``"tool_call"``
    if any call was answered.

    Args:
        family: of the environment, such as ``"toolcall"``.
        messages: of the conversation.
    """
    match family:
        case "rewrite":
            return NO_REWRITE if all(map(_repeats, messages, messages[1:])) else REWRITE
        case "toolcall":
            return CALL if any(message["role"] == "tool" for message in messages) else NO_CALL
        case "dialogue":
            return DIALOGUE
        case _:
            return family


def _repeats(question: Mapping[str, str], answer: Mapping[str, str]) -> bool:
    return answer["role"] != "assistant" or question["content"].endswith(answer["content"])
