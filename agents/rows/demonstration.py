"""Demonstration: a conversation to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One conversation to learn from; every assistant turn in it is imitated.

    Attributes:
        messages: system (the instruction), user, assistant and tool messages in order, the last by the assistant.
        tools: JSON Schemas on offer, as JSON text.
        kind: of the row, for a mixture; ``""`` where nobody has said.
    """

    messages: Sequence[Mapping[str, str]]
    tools: tuple[str, ...] = ()
    kind: str = ""

    def as_row(self) -> dict[str, Any]:
        """Return the conversation as a line of a file holds it."""
        row = {"messages": [dict(message) for message in self.messages], "tools": list(self.tools)}
        return {**row, "kind": self.kind} if self.kind else row
