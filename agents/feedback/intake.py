"""From the bytes of a request to records, each of them validated or refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from agents.feedback.refusals import Reason, Refusal, explain

R = TypeVar("R")


def read_records(body: bytes, adapter: TypeAdapter[R], most: int) -> tuple[Sequence[R | Refusal], bool] | Refusal:
    """Read one record, or an array of them.

    Args:
        body: JSON in UTF-8.
        adapter: of the kind of record.
        most: records that may come at once.

    Returns:
        Each record or what is wrong with it, in order, and whether it was an array; or what is wrong with the body.
    """
    found = read_json(body)
    if isinstance(found, Refusal):
        return found
    many = isinstance(found, list)
    items: list[Any] = found if isinstance(found, list) else [found]
    if len(items) > most:
        return Refusal(Reason.TOO_LARGE, f"{len(items)} records at once; at most {most} are taken")
    return [validate(item, adapter) for item in items], many


def read_json(body: bytes) -> dict[str, Any] | list[Any] | Refusal:
    """Return the object or array that a body holds, or what is wrong with it."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return Refusal(Reason.NOT_UTF8, f"the body is not UTF-8: {error.reason} at byte {error.start}")
    try:
        found = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        return Refusal(Reason.NOT_JSON, f"the body is not JSON: {error}")
    if not isinstance(found, dict | list):
        return Refusal(Reason.NOT_JSON, "the body must be an object, or an array of objects")
    return found


def validate(item: Any, adapter: TypeAdapter[R]) -> R | Refusal:
    """Return the record that a value is, or what is wrong with it."""
    try:
        return adapter.validate_python(item)
    except ValidationError as error:
        return explain(error)
