"""One recorded conversation being played: at every request, ask or answer.

The record goes on whatever the agent says; only the decision is judged, for there is nobody who would answer another
question than the recorded one. Asking where asking is right weighs as much, over the whole file, as answering where
answering is right: a dialogue's right decisions pay their weights, wrong ones cost them, and all of them sum to 1. So
always answering, which is right most of the time, is not worth most of the reward.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import Self

from textenvs.episode import Outcome
from textenvs.messages import Message, Stop, strip_thinking

INSTRUCTION = (
    "You answer questions about a table and a text. If the last question is clear, answer it. If it could mean several "
    "things with different answers, ask one short question back."
)

_TAGGED = re.compile(r"\A\[\s*(?:ask|问)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One recorded request.

    Attributes:
        text: what the user says.
        reply: what the recorded assistant says to it: a question back, or an answer.
        ask: whether asking back is right.
    """

    text: str
    reply: str
    ask: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One recorded conversation.

    Attributes:
        name: of the record.
        context: what it is about.
        requests: in order.
        group: equal for records that must stay in one split.
    """

    name: str
    context: str
    requests: tuple[Request, ...]
    group: str


@dataclass(frozen=True, slots=True)
class DecisionTruth:
    """The hidden truth of one recorded turn.

    Attributes:
        ask: whether asking was right.
        asked: whether the agent asked.
        weight: of the decision; those of a conversation sum to 1.
        right: by the end, the weight of all right decisions; None before.
    """

    ask: bool
    asked: bool
    weight: float
    right: float | None


def asks(action: str) -> bool:
    """Say whether an action asks back: it is tagged so, or has a question mark."""
    text = strip_thinking(action)
    return bool(_TAGGED.search(text)) or "?" in text or "？" in text


class Decisions:
    """A recorded conversation.

    Args:
        record: what was said.
        asking: how much more a decision weighs where asking is right.
        instruction: what the agent is told, in place of the family's words; None keeps those.
    """

    tools: tuple[str, ...] = ()

    def __init__(self, record: Record, asking: float, instruction: str | None = None) -> None:
        self.record = record
        self.task_id = record.name
        told = INSTRUCTION if instruction is None else instruction
        self.instruction = "\n".join(part for part in (told, record.context) if part)
        self.opening = (Message("user", record.requests[0].text),)
        weights = [asking if request.ask else 1.0 for request in record.requests]
        self._weights = tuple(weight / sum(weights) for weight in weights)
        self._turn, self._right, self._wrong = 0, 0.0, 0

    def act(self, action: str) -> Outcome:
        """Take a decision, and go on with the record."""
        request, weight = self.record.requests[self._turn], self._weights[self._turn]
        asked = asks(action)
        right = asked == request.ask
        self._turn += 1
        self._right += weight if right else 0.0
        self._wrong += not right
        last = self._turn == len(self.record.requests)
        truth = DecisionTruth(request.ask, asked, weight, self._right if last else None)
        invalid = not strip_thinking(action)
        if last:
            stop = Stop.FAILURE if self._wrong else Stop.SUCCESS
            return Outcome((), truth, stop, not self._wrong, invalid)
        following = self.record.requests[self._turn].text
        reply = Message("user", f"Assistant: {request.reply}\nUser: {following}")
        return Outcome((reply,), truth, invalid=invalid)

    def oracle(self) -> str:
        """Return what the recorded assistant said."""
        return self.record.requests[self._turn].reply

    def content(self) -> str:
        """Return the record."""
        return repr((self.record.context, self.record.requests))

    def fork(self) -> Self:
        """Return an independent copy: everything inside is immutable."""
        return copy.copy(self)
