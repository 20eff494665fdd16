"""What is said and done: the words that environments, rewards and policies exchange."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ROLES = ("system", "user", "assistant", "tool")
"""The roles of a message, from the agent's point of view: `assistant` is what this agent wrote."""

MESSAGE_KEYS = ("role", "content", "name", "call_id")
"""The keys of every message, all of them always there."""


@dataclass(frozen=True, slots=True, eq=False)
class Message(Mapping[str, str]):
    """One message of a conversation: a read-only mapping with the keys role, content, name, call_id.

    It equals the plain dictionary that chat templates expect (and `dict(message)` is one), but cannot be
    changed. So the observations of an episode share their messages, and no caller can rewrite the past by
    accident. It is no `dict` because Gymnasium's checks take any shared `dict` for a mutable one.

    Attributes:
        role: one of `ROLES`.
        content: the text.
        name: the speaker's or the tool's name; ``""`` where none.
        call_id: which tool call this message answers; ``""`` where none.
    """

    role: str
    content: str
    name: str = ""
    call_id: str = ""

    def __getitem__(self, key: str) -> str:
        if key in MESSAGE_KEYS:
            return getattr(self, key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(MESSAGE_KEYS)

    def __len__(self) -> int:
        return len(MESSAGE_KEYS)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Message):
            return (
                self.content == other.content
                and self.role == other.role
                and self.name == other.name
                and self.call_id == other.call_id
            )
        return dict(self) == other

    def __hash__(self) -> int:
        return hash((self.role, self.content, self.name, self.call_id))


class Stop(enum.StrEnum):
    """Why an episode ended; `info["stop"]` holds one of these values at every step."""

    RUNNING = ""
    """It has not ended."""
    SUCCESS = "success"
    """The task is done."""
    FAILURE = "failure"
    """The task ended without being done, by the environment's own rules."""
    TURN_BUDGET = "turn_budget"
    """The task's own number of turns is used up (terminated, not truncated)."""
    CALL_BUDGET = "call_budget"
    """The task's own number of tool calls is used up (terminated, not truncated)."""
    USER_LEFT = "user_left"
    """The user lost patience."""
    INVALID_ACTIONS = "invalid_actions"
    """Too many malformed actions in a row."""
    TRUNCATED = "truncated"
    """A limit outside the task cut the episode."""
    ERROR = "error"
    """The environment itself failed; the episode says nothing about the policy."""
    TIMED_OUT = "timed_out"
    """The environment took longer over one step than it may; the episode says nothing about the policy."""
    WORKER_DIED = "worker_died"
    """The process that played the environment ended; the episode says nothing about the policy."""
    GENERATION_FAILED = "generation_failed"
    """What generates the agent's turns failed; the episode says nothing about the policy."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the agent made: the tool's name and its JSON arguments.

    Attributes:
        name: of the tool.
        arguments: decoded JSON object.
        call_id: ties the tool's answer to the call; ``""`` where the format has none.
    """

    name: str
    arguments: Mapping[str, Any]
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything that a reward may look at: one action and what came of it.

    Attributes:
        instruction: what the agent was told to do.
        history: the conversation before the action.
        action: the text exactly as the agent wrote it, thinking included; see `answer`.
        replies: what the world said to it, in order.
        calls: the tool calls parsed from the action.
        tools: JSON Schemas on offer, as JSON text.
        truth: the hidden truth of this turn, of the family's own type (for rewriting, `RewriteTruth`).
        index: of the turn in its episode, from 0.
        last: whether the episode ended with it.
        success: 1.0 if the episode ended with the task done, 0.0 otherwise.
        invalid: whether the action was malformed.
        stop: why the episode ended; `Stop.RUNNING` if it did not.
        task_id: names the item.
    """

    instruction: str
    history: tuple[Message, ...]
    action: str
    replies: tuple[Message, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    tools: tuple[str, ...] = ()
    truth: Any = field(default=None, repr=False)
    index: int = 0
    last: bool = False
    success: float = 0.0
    invalid: bool = False
    stop: Stop = Stop.RUNNING
    task_id: str = ""

    @property
    def after(self) -> tuple[Message, ...]:
        """The conversation after the world's replies."""
        return (*self.history, Message("assistant", self.action), *self.replies)

    @property
    def answer(self) -> str:
        """The action without its thinking: the part that is scored."""
        return strip_thinking(self.action)


_THINKING = re.compile(r"\A(?:\s*<think>.*?(?:</think>|\Z))+", re.DOTALL)


def strip_thinking(text: str) -> str:
    """Return `text` without leading ``<think>...</think>`` blocks and surrounding white space.

    A block that was opened and never closed swallows the rest: an unfinished thought is not an answer.
    """
    return _THINKING.sub("", text, count=1).strip() if "<think>" in text else text.strip()
