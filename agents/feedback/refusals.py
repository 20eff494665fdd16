"""Why something is not taken in: one reason from a short list, which is counted, and a sentence for the sender."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError


class Reason(enum.StrEnum):
    """Why a record, or a whole request, was refused."""

    NOT_UTF8 = "not_utf8"
    """The body is not UTF-8."""
    NOT_JSON = "not_json"
    """The body is not JSON, or neither an object nor an array of objects."""
    MALFORMED = "malformed"
    """A field is missing, unknown, of the wrong type or out of range."""
    UNKNOWN_IMPRESSION = "unknown_impression"
    """The event belongs to an impression that is not in the store."""
    UNKNOWN_POSITION = "unknown_position"
    """The event speaks about a candidate that the impression did not show."""
    CLOCK_SKEW = "clock_skew"
    """The record is from the future, too old, or earlier than its impression."""
    CONFLICT = "conflict"
    """Another record with the same id is in the store."""
    TOO_LARGE = "too_large"
    """The body is larger than allowed, or has too many records."""
    TOO_SLOW = "too_slow"
    """The body did not come in time."""
    TOO_FAST = "too_fast"
    """The sender makes more requests than allowed."""
    UNAUTHORISED = "unauthorised"
    """The token is missing or wrong."""
    MEDIA_TYPE = "media_type"
    """The body is not declared as JSON."""
    UNAVAILABLE = "unavailable"
    """The store cannot write now; nothing is wrong with the record, and it may be sent again."""


STATUS: Mapping[Reason, int] = {
    Reason.NOT_UTF8: 400,
    Reason.NOT_JSON: 400,
    Reason.MALFORMED: 422,
    Reason.UNKNOWN_IMPRESSION: 404,
    Reason.UNKNOWN_POSITION: 422,
    Reason.CLOCK_SKEW: 422,
    Reason.CONFLICT: 409,
    Reason.TOO_LARGE: 413,
    Reason.TOO_SLOW: 408,
    Reason.TOO_FAST: 429,
    Reason.UNAUTHORISED: 401,
    Reason.MEDIA_TYPE: 415,
    Reason.UNAVAILABLE: 503,
}
"""The HTTP status of each reason."""


LONGEST = 400
"""Characters of an explanation; it may quote what was sent."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong with one record or request.

    Attributes:
        reason: from the list.
        detail: one sentence for the sender; it names the field, where one is to blame.
    """

    reason: Reason
    detail: str


def explain(error: ValidationError) -> Refusal:
    """Return the first fault that validation found, by the name of its field."""
    fault = error.errors(include_url=False, include_input=False)[0]
    path = [str(part) for part in fault["loc"]]
    if error.title.startswith("tagged-union"):
        # Here the path begins with the kind of event, which is no field; a fault of the kind itself has no path.
        path = path[1:] or (["kind"] if fault["type"].startswith("union_tag") else [])
    message = fault["msg"].removeprefix("Value error, ")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    detail = f"{'.'.join(path) or 'the record'}: {message}"
    return Refusal(Reason.MALFORMED, (detail if len(detail) <= LONGEST else f"{detail[:LONGEST]} ...") + more)
