"""The interface of simulated users: what a user hears, what it says, and the hidden label of what it did.

A user has goals over *slots* (price, area, ...), each of which has a few *values*; both are meant by their positions,
so that everything here is free of language. The world judges the agent's moves against the hidden goal and hands the
verdict to the user together with the words; the user decides what to say. So a user of rules and a chat model that
plays one are used alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, Self

FREE = -1
"""In place of a value: no value in particular is wanted. In place of a slot, value or candidate of a move: none."""

MoveKind = Literal["ask", "recommend", "book", "explain", "refuse", "handover", "offer", "end", "unclear"]
"""What an agent can do: ask about a slot; answer with a candidate in one of three ways; say that there is nothing
suitable; hand over to a person, which ends the conversation; offer further help; take its leave; or say something
that nobody understands."""

ANSWERS: tuple[MoveKind, ...] = ("recommend", "book", "explain")
"""The kinds of moves that answer with a candidate."""

ActKind = Literal[
    "request",
    "inform",
    "vague",
    "dont_care",
    "unknown",
    "repeat",
    "correct",
    "change",
    "reject",
    "insist",
    "puzzled",
    "acknowledge",
    "decline",
    "thank",
    "silent",
    "leave",
]
"""What a user can do: make a request; tell a value (asked or not), or only that it is one of two neighbours; have no
preference, or be unable to say; say again what it has said; correct what it has said; change its mind; turn an answer
down because of a slot; ask for the same again; not understand; take note; need nothing more; thank; say nothing;
leave."""

Verdict = Literal["", "right", "wrong", "other_kind"]
"""What the world knows about a move: whether an answer, refusal or handover was right, or of another kind than was
asked for; ``""`` where there is nothing to judge."""


@dataclass(frozen=True, slots=True)
class Move:
    """What the agent's words were understood to do.

    Attributes:
        kind: of the move.
        slot: that is asked about; `FREE` in other moves.
        candidate: that is answered with; `FREE` in other moves.
    """

    kind: MoveKind
    slot: int = FREE
    candidate: int = FREE


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a user did with a message: the hidden label.

    Attributes:
        kind: of the act.
        slot: that it is about; `FREE` where none.
        value: of that slot: the one that was told; of `"vague"` the lower of the two neighbours; `FREE` where none.
    """

    kind: ActKind
    slot: int = FREE
    value: int = FREE


@dataclass(frozen=True, slots=True)
class Heard:
    """What a user hears.

    Attributes:
        text: the agent's words.
        move: what they were understood to do.
        verdict: whether that was right.
        offered: the values of the candidate that was answered with, by slot; empty in other moves.
        needless: whether a question asks for what could not change the answer.
    """

    text: str
    move: Move
    verdict: Verdict = ""
    offered: tuple[int, ...] = ()
    needless: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a user.

    Attributes:
        text: what the agent reads.
        acts: what the user did with it, in order; never shown to the agent.
        fault: whether the simulator failed. Such an episode says nothing about the agent: it ends, and its reward is
            missing, not 0.
    """

    text: str
    acts: tuple[Act, ...]
    fault: bool = False

    def did(self, kind: ActKind) -> bool:
        """Say whether one of the acts is of this kind."""
        return any(act.kind == kind for act in self.acts)


class SimulatedUser(Protocol):
    """One user in one conversation.

    Everything random in it was drawn when it was made, so that the same moves always meet the same user. It says one
    message a turn. An act ``"leave"`` ends the conversation, and so does ``"thank"``; after ``"silent"`` the user is
    gone, which the agent has to notice.
    """

    def open(self) -> Said:
        """Return the first message, with an act ``"request"``; called once, before anything is heard."""
        ...

    def hear(self, heard: Heard) -> Said:
        """Return the answer to a move of the agent; never called after the conversation has ended."""
        ...

    def fork(self) -> Self:
        """Return an independent copy at this point of the conversation."""
        ...
