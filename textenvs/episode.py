"""Episode: what a family of environments implements. `TextEnv` turns it into a Gymnasium environment."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, Self

from textenvs.messages import Message, Stop, ToolCall


class Outcome(NamedTuple):
    """What the world did with one action. It never depends on the reward.

    Attributes:
        replies: what the world says, to be appended to the history.
        truth: the hidden truth of the turn that was played, for the reward.
        stop: why the episode ended, or `Stop.RUNNING`.
        success: whether the task is done; only where the episode ended.
        invalid: whether the action was malformed.
        calls: the tool calls parsed from the action.
    """

    replies: tuple[Message, ...]
    truth: Any
    stop: Stop = Stop.RUNNING
    success: bool = False
    invalid: bool = False
    calls: tuple[ToolCall, ...] = ()


class Episode(Protocol):
    """One item being played.

    Everything random in it was drawn when it was made, or comes from the item's own generator, so the same
    actions always meet the same world. It can be pickled.
    """

    @property
    def task_id(self) -> str:
        """Name of the item, for people and for pairing results."""
        ...

    @property
    def instruction(self) -> str:
        """What the agent is told to do."""
        ...

    @property
    def tools(self) -> tuple[str, ...]:
        """JSON Schemas of the tools on offer, as JSON text."""
        ...

    @property
    def opening(self) -> tuple[Message, ...]:
        """The conversation before the first action."""
        ...

    def act(self, action: str) -> Outcome:
        """Move the world by one action; total: any text has an outcome."""
        ...

    def oracle(self) -> str:
        """Return the best action at this point."""
        ...

    def content(self) -> str:
        """Return a canonical text of the item: equal for two items if and only if they are the same task."""
        ...

    def fork(self) -> Self:
        """Return an independent copy at this point of the episode."""
        ...
