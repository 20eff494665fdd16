"""The answers of the service as JSON: what became of each record, or why a request was refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse

from agents.feedback.admission import Outcome
from agents.feedback.refusals import STATUS, Reason, Refusal

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def refuse(refusal: Refusal, retry_after_s: int = 0) -> JSONResponse:
    """Return the answer to a request that is refused as a whole.

    Args:
        refusal: why.
        retry_after_s: seconds after which it may come again; 0 where that would not help.
    """
    headers = dict(HEADERS)
    if retry_after_s:
        headers["Retry-After"] = str(retry_after_s)
    if refusal.reason is Reason.UNAUTHORISED:
        headers["WWW-Authenticate"] = 'Basic realm="textenvs feedback", charset="UTF-8"'
    return JSONResponse(_entry(refusal), STATUS[refusal.reason], headers)


def report(outcomes: Sequence[Outcome | Refusal], ids: Sequence[str | None], many: bool) -> JSONResponse:
    """Return what became of the records of a request.

    Args:
        outcomes: of the records, in order.
        ids: of the records, in order; None where one could not be read.
        many: whether they came as an array. A single record decides the status; an array is answered with 200, and
            its entries say what became of each.
    """
    entries = [{"id": name, **_entry(outcome)} for name, outcome in zip(ids, outcomes, strict=True)]
    if many:
        return JSONResponse({"results": entries}, 200, HEADERS)
    (outcome,) = outcomes
    status = STATUS[outcome.reason] if isinstance(outcome, Refusal) else 200
    return JSONResponse(entries[0], status, HEADERS)


def _entry(outcome: Outcome | Refusal) -> dict[str, Any]:
    if isinstance(outcome, Refusal):
        return {"status": "refused", "reason": str(outcome.reason), "detail": outcome.detail}
    return {"status": str(outcome)}
