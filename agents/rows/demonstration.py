"""Demonstration: a conversation to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One conversation to learn from; the assistant's turns in it are imitated.

    Attributes:
        messages: system (the instruction), user, assistant and tool messages in order, the last by the assistant.
        tools: JSON Schemas on offer, as JSON text.
        kind: of the row, for a mixture; ``""`` where nobody has said.
        last_only: whether the last turn alone is imitated, and not those before it.
    """

    messages: Sequence[Mapping[str, str]]
    tools: tuple[str, ...] = ()
    kind: str = ""
    last_only: bool = False

    def as_row(self) -> dict[str, Any]:
        """Return the conversation as a line of a file holds it."""
        row = {"messages": [dict(message) for message in self.messages], "tools": list(self.tools)}
        learn = {"learn": "last"} if self.last_only else {}
        return {**row, **learn, **({"kind": self.kind} if self.kind else {})}
