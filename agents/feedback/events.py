"""What is recorded: the impressions that a policy made, and the events by which users answered them.

An impression is what was shown, and how it came to be shown; every event belongs to one. Both are frozen and validated
where they enter; no number is read out of a text. Texts are untrusted and kept as they are.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, field_validator

from textenvs.messages import ROLES, Message

MAX_CANDIDATES = 64
"""Answers that one impression may show."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[\w.:/@+-]{1,128}$")]
"""A name that others give: letters, digits and ``_.:/@+-``, at most 128 of them."""
OptionalIdentifier = Annotated[str, StringConstraints(pattern=r"^[\w.:/@+-]{0,128}$")]
Time = Annotated[float, Field(strict=True, ge=0, lt=2**40, allow_inf_nan=False, description="Seconds since 1970, UTC.")]
Position = Annotated[
    int, Field(strict=True, ge=0, lt=MAX_CANDIDATES, description="Of a candidate as shown; the first is 0.")
]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


class Record(BaseModel):
    """What impressions and events have in common.

    Attributes:
        id: chosen by the sender; a record that comes twice is kept once.
        time: when it happened, by the sender's clock.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    id: Identifier
    time: Time


class Candidate(BaseModel):
    """An answer that was shown.

    Attributes:
        text: of the answer, as shown.
        propensity: the probability, in (0, 1] and given the conversation, that this answer was among those shown. A
            service that always shows the same answer has 1; one that draws k of n at random has k/n.
        policy_version: what wrote this one, where several did; ``""`` stands for the impression's.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    text: str
    propensity: Annotated[float, Field(strict=True, gt=0, le=1, allow_inf_nan=False)]
    policy_version: OptionalIdentifier = ""


class Impression(Record):
    """What one user was shown, once.

    Attributes:
        policy_version: what wrote the answers, such as a checkpoint's name.
        conversation: the messages before the answer, oldest first; the instruction is a system message.
        candidates: the answers in the order shown, best place first.
        tools: JSON Schemas on offer, as JSON text.
        user_id: who was shown it, as a pseudonym; ``""`` where that is not known.
    """

    policy_version: Identifier
    conversation: tuple[Message, ...]
    candidates: Annotated[tuple[Candidate, ...], Field(min_length=1, max_length=MAX_CANDIDATES)]
    tools: tuple[str, ...] = ()
    user_id: OptionalIdentifier = ""

    @field_validator("conversation")
    @classmethod
    def _roles(cls, conversation: tuple[Message, ...]) -> tuple[Message, ...]:
        for place, message in enumerate(conversation):
            if message.role not in ROLES:
                raise ValueError(f"message {place} has the role {message.role!r}; valid: {', '.join(ROLES)}")
        return conversation


class Answered(Record):
    """What every event has: the impression that it belongs to, and who answered.

    Attributes:
        impression_id: the id of the impression.
        user_id: who did it, such as an annotator; ``""`` stands for the impression's own user.
    """

    impression_id: Identifier
    user_id: OptionalIdentifier = ""

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions of the candidates that the event speaks about."""
        return ()


class Placed(Answered):
    """An event about one candidate.

    Attributes:
        position: of the candidate.
    """

    position: Position = 0

    @property
    def positions(self) -> tuple[int, ...]:
        """The one position."""
        return (self.position,)


class Click(Placed):
    """A candidate was opened or taken."""

    kind: Literal["click"] = "click"


class Favourite(Placed):
    """A candidate was marked as a favourite."""

    kind: Literal["favourite"] = "favourite"


class Complaint(Placed):
    """Somebody complained about a candidate.

    Attributes:
        text: what the complaint says; ``""`` where it says nothing.
    """

    kind: Literal["complaint"] = "complaint"
    text: str = ""


class Thumb(Placed):
    """A thumb for or against a candidate.

    Attributes:
        up: whether it points up.
    """

    kind: Literal["thumb"] = "thumb"
    up: Annotated[bool, Field(strict=True)]


class Rating(Placed):
    """A score for a candidate.

    Attributes:
        score: in [0, 1]; s of five stars are (s - 1) / 4.
        part: what of the candidate is rated, such as ``"fluency"``; ``""`` is the whole.
    """

    kind: Literal["rating"] = "rating"
    score: Share
    part: OptionalIdentifier = ""


class Ranking(Answered):
    """An order of several candidates.

    Attributes:
        order: their positions, best first, each at most once; what is left out is not ranked.
    """

    kind: Literal["ranking"] = "ranking"
    order: Annotated[tuple[Position, ...], Field(min_length=2, max_length=MAX_CANDIDATES)]

    @field_validator("order")
    @classmethod
    def _distinct(cls, order: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(order)) < len(order):
            raise ValueError("names a candidate twice")
        return order

    @property
    def positions(self) -> tuple[int, ...]:
        """All that are ranked."""
        return self.order


class Correction(Placed):
    """What the candidate should have said, in the user's own words.

    Attributes:
        text: the corrected answer.
    """

    kind: Literal["correction"] = "correction"
    text: Annotated[str, StringConstraints(min_length=1)]


class ReAsk(Answered):
    """The user asked the same again: no candidate helped.

    Attributes:
        text: what was asked this time.
    """

    kind: Literal["re_ask"] = "re_ask"
    text: str = ""


class Abandon(Answered):
    """The user left without an answer."""

    kind: Literal["abandon"] = "abandon"


Event = Annotated[
    Click | Favourite | Complaint | Thumb | Rating | Ranking | Correction | ReAsk | Abandon,
    Field(discriminator="kind"),
]
"""Any event; `kind` says which."""

EVENTS: TypeAdapter[Event] = TypeAdapter(Event)
IMPRESSIONS: TypeAdapter[Impression] = TypeAdapter(Impression)
KINDS = ("click", "favourite", "complaint", "thumb", "rating", "ranking", "correction", "re_ask", "abandon")
"""The kinds of event."""
