"""Demonstration: a conversation to learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


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
