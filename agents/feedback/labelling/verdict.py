"""What one annotator says about one task, and the events that it becomes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from agents.feedback.events import (
    MAX_CANDIDATES,
    Correction,
    Event,
    Identifier,
    Impression,
    OptionalIdentifier,
    Position,
    Ranking,
    Rating,
    Share,
)

PREFERENCE = "preference"
"""The part of a rating by which an annotator says that he prefers no answer; half a score is worth nothing."""

Name = Annotated[str, StringConstraints(pattern=r"^[\w.@+-]{1,32}$")]
"""Of an annotator or a queue: letters, digits and ``_.@+-``, at most 32 of them."""

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class PartScore(BaseModel):
    """A score for one part of one answer; see `agents.feedback.events.Rating`."""

    model_config: ClassVar[ConfigDict] = _FROZEN

    position: Position
    part: OptionalIdentifier = ""
    score: Share


class Corrected(BaseModel):
    """What an answer should have said."""

    model_config: ClassVar[ConfigDict] = _FROZEN

    position: Position
    text: Annotated[str, StringConstraints(min_length=1)]


class Verdict(BaseModel):
    """Everything that an annotator says about one task.

    Attributes:
        impression_id: of the task.
        annotator: who says it.
        best: the answer that is better than every other; None where none was chosen.
        alike: that no answer is better than another.
        order: the answers, best first; what is left out is not ranked.
        scores: of parts of answers.
        corrections: of answers.
    """

    model_config: ClassVar[ConfigDict] = _FROZEN

    impression_id: Identifier
    annotator: Name
    best: Position | None = None
    alike: Annotated[bool, Field(strict=True)] = False
    order: Annotated[tuple[Position, ...], Field(max_length=MAX_CANDIDATES)] = ()
    scores: Annotated[tuple[PartScore, ...], Field(max_length=8 * MAX_CANDIDATES)] = ()
    corrections: Annotated[tuple[Corrected, ...], Field(max_length=MAX_CANDIDATES)] = ()

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        preferences = (self.best is not None) + self.alike + bool(self.order)
        if preferences > 1:
            raise ValueError("give one of best, alike and order")
        if not (preferences or self.scores or self.corrections):
            raise ValueError("says nothing: give best, alike, order, scores or corrections")
        return self


VERDICTS: TypeAdapter[Verdict] = TypeAdapter(Verdict)


def events_of(verdict: Verdict, impression: Impression, time: float) -> list[Event]:
    """Return the events that a verdict becomes; the same verdict gives events of the same ids.

    The best of several answers is ranked above each of the others, which are not ranked among themselves.

    Args:
        verdict: about the impression.
        impression: the task.
        time: seconds since 1970.
    """
    events: list[Event] = []
    for number, (kind, fields) in enumerate(_parts(verdict, len(impression.candidates))):
        name = f"{impression.id}/{verdict.annotator}/{number}"
        events.append(kind(id=name, time=time, impression_id=impression.id, user_id=verdict.annotator, **fields))
    return events


def _parts(verdict: Verdict, n: int) -> Iterator[tuple[type[Ranking | Rating | Correction], dict[str, Any]]]:
    if verdict.best is not None:
        for other in range(n):
            if other != verdict.best:
                yield Ranking, {"order": (verdict.best, other)}
    if verdict.order:
        yield Ranking, {"order": verdict.order}
    if verdict.alike:
        yield from ((Rating, {"position": place, "score": 0.5, "part": PREFERENCE}) for place in range(n))
    for score in verdict.scores:
        yield Rating, {"position": score.position, "score": score.score, "part": score.part}
    for correction in verdict.corrections:
        yield Correction, {"position": correction.position, "text": correction.text}
