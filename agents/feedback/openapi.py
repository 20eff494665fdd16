"""The service as an OpenAPI document, made from the same models that validate."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

import textenvs
from agents.feedback import events
from agents.feedback.refusals import STATUS, Reason

_SCHEMAS = "#/components/schemas/"
_KINDS = (
    events.Click,
    events.Favourite,
    events.Complaint,
    events.Thumb,
    events.Rating,
    events.Ranking,
    events.Correction,
    events.ReAsk,
    events.Abandon,
)


def describe(token: bool) -> dict[str, Any]:
    """Return the document.

    Args:
        token: whether requests must bring one.
    """
    models = [(model, "validation") for model in (events.Impression, *_KINDS)]
    _, schemas = models_json_schema(models, ref_template=_SCHEMAS + "{model}")  # type: ignore[arg-type]
    named = [{"$ref": _SCHEMAS + kind.__name__} for kind in _KINDS]
    paths = {
        "/v1/impressions": {"post": _post("Store what was shown.", {"$ref": _SCHEMAS + "Impression"})},
        "/v1/events": {
            "post": _post("Store what users did.", {"oneOf": named, "discriminator": {"propertyName": "kind"}})
        },
        "/v1/statistics": {"get": _get("Volume, rates by policy version, latest corrections.")},
        "/health": {"get": {**_get("Whether the store can be read."), "security": []}},
    }
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "textenvs feedback", "version": textenvs.__version__},
        "paths": paths,
        "components": {"schemas": {**schemas["$defs"], "Outcome": _OUTCOME}},
    }
    if token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


_OUTCOME = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "id": {"type": ["string", "null"]},
        "status": {"enum": ["stored", "duplicate", "refused"]},
        "reason": {"enum": [str(reason) for reason in Reason]},
        "detail": {"type": "string", "description": "One sentence; it names the field that is to blame."},
    },
}


def _post(summary: str, record: dict[str, Any]) -> dict[str, Any]:
    outcome = {"$ref": _SCHEMAS + "Outcome"}
    results = {"type": "object", "properties": {"results": {"type": "array", "items": outcome}}}
    refusals: dict[int, list[str]] = {}
    for reason, status in STATUS.items():
        refusals.setdefault(status, []).append(str(reason))
    return {
        "summary": f"{summary} One record or an array; what was answered with stored or duplicate is durable.",
        "requestBody": {"required": True, "content": _json({"anyOf": [record, {"type": "array", "items": record}]})},
        "responses": {
            "200": {"description": "Stored.", "content": _json({"anyOf": [outcome, results]})},
            **{
                str(status): {"description": f"Refused: {', '.join(reasons)}.", "content": _json(outcome)}
                for status, reasons in sorted(refusals.items())
            },
        },
    }


def _get(summary: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": "As JSON.", "content": _json({"type": "object"})}}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
