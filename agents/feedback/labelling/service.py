"""The labelling service: it hands out tasks, blind and shuffled, and stores what annotators say about them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from agents.feedback.events import Impression
from agents.feedback.gate import Gate, RateLimit
from agents.feedback.hosting import HANDLERS, check_address, check_token, listen, read_body
from agents.feedback.intake import read_records
from agents.feedback.labelling.agreement import Agreement, agreement
from agents.feedback.labelling.page import POLICY, render_page
from agents.feedback.labelling.queue import LabelQueue
from agents.feedback.labelling.verdict import VERDICTS, Name
from agents.feedback.labelling.words import WORDS
from agents.feedback.refusals import Reason, Refusal
from agents.feedback.replies import HEADERS, refuse
from agents.feedback.store import Store
from agents.feedback.writer import GroupWriter
from agents.report.sanitize import neutralize
from textenvs.errors import ConfigError

MAX_BODY_BYTES = 256 * 1024
MAX_SKIPPED = 500
REQUESTS_PER_S, BURST = 50.0, 200.0
"""Of one client; people are slow."""

Ask = Literal["choose", "rank", "score", "correct"]
"""What an annotator may say: which is best, in what order, how good each part is, what it should have said."""

_NAMES: TypeAdapter[str] = TypeAdapter(Name)


@dataclass(frozen=True, kw_only=True)
class LabelConfig:
    """How the labelling page behaves.

    Attributes:
        ask: what annotators may say.
        parts: of an answer that are scored; ``""`` is the whole.
        language: of the page, unless a visitor asks for another.
        token: that requests must bring; None is for the loopback address only.

    Raises:
        ConfigError: if the settings contradict each other.
    """

    ask: Sequence[Ask] = ("choose", "correct")
    parts: Sequence[str] = ("",)
    language: str = "en"
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not self.ask or {"choose", "rank"} <= set(self.ask):
            raise ConfigError("ask for something, and for either the best answer (choose) or an order (rank)")
        if self.language not in WORDS:
            raise ConfigError(f"language={self.language!r}; valid: {', '.join(WORDS)}")
        check_token(self.token)


class LabelService:
    """The service's routes, and what they share.

    Args:
        store: where labels go; whoever made it closes it.
        queue: tasks in that store.
        config: how to behave.
    """

    def __init__(self, store: Store, queue: LabelQueue, config: LabelConfig) -> None:
        self._queue, self._config = queue, config
        self._writer = GroupWriter(store)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        limit = RateLimit(REQUESTS_PER_S, BURST)
        gate = Middleware(Gate, token=self._config.token, limit=limit, count=self._writer.count)
        routes = [
            Route("/v1/task", self._show_task),
            Route("/v1/labels", self._take_label, methods=["POST"]),
            Route("/v1/agreement", self._show_agreement),
            Route("/health", self._show_health),
            Route("/", self._show_page),
        ]
        return Starlette(routes=routes, middleware=[gate], exception_handlers=HANDLERS, lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._writer.start()
        try:
            yield
        finally:
            await run_in_threadpool(self._writer.stop)

    async def _show_page(self, request: Request) -> Response:
        asked = request.query_params.get("lang", "")
        config = self._config
        page = render_page(
            asked if asked in WORDS else config.language, {"ask": list(config.ask), "parts": list(config.parts)}
        )
        return HTMLResponse(page, headers={**HEADERS, "Content-Security-Policy": POLICY})

    async def _show_task(self, request: Request) -> Response:
        try:
            annotator = _NAMES.validate_python(request.query_params.get("annotator", ""))
        except ValidationError:
            return self._refuse(Refusal(Reason.MALFORMED, "annotator: letters, digits and _.@+-, 1 to 32 of them"))
        skipped = set(request.query_params.getlist("skip")[-MAX_SKIPPED:])
        return JSONResponse(await run_in_threadpool(self._task, annotator, skipped), headers=HEADERS)

    def _task(self, annotator: str, skipped: set[str]) -> dict[str, Any]:
        found = self._queue.next(annotator, skipped)
        shown = found and task_for_page(found, self._queue.order(found, annotator))
        return {"task": shown, "progress": asdict(self._queue.progress(annotator))}

    async def _take_label(self, request: Request) -> Response:
        """Take one verdict; answer when it is durable."""
        body = await read_body(request, MAX_BODY_BYTES)
        found = body if isinstance(body, Refusal) else read_records(body, VERDICTS, most=1)
        if isinstance(found, Refusal):
            return self._refuse(found)
        records, _ = found
        verdict = records[0] if records else Refusal(Reason.MALFORMED, "the array is empty")
        events = verdict if isinstance(verdict, Refusal) else await run_in_threadpool(self._queue.events, verdict)
        if isinstance(events, Refusal):
            return self._refuse(events)
        for outcome in await asyncio.wrap_future(self._writer.submit(events)):
            if isinstance(outcome, Refusal):
                return refuse(outcome)
        return JSONResponse({"status": "stored"}, headers=HEADERS)

    async def _show_agreement(self, _: Request) -> Response:
        found = await run_in_threadpool(lambda: agreement(self._queue.interactions()))
        return JSONResponse({"agreement": [as_dict(one) for one in found]}, headers=HEADERS)

    async def _show_health(self, _: Request) -> Response:
        await run_in_threadpool(self._queue.progress, "")
        return JSONResponse({"status": "ok"}, headers=HEADERS)

    def _refuse(self, refusal: Refusal) -> Response:
        self._writer.count(refusal.reason)
        return refuse(refusal)


def task_for_page(impression: Impression, order: Sequence[int]) -> Mapping[str, Any]:
    """Return what the page may know of a task: nothing of who wrote which answer.

    Args:
        impression: the task.
        order: positions of its answers, as they are to be shown.
    """
    return {
        "id": impression.id,
        "conversation": [{"role": said.role, "text": neutralize(said.content)} for said in impression.conversation],
        "tools": [neutralize(tool) for tool in impression.tools],
        "answers": [
            {"position": place, "text": (text := impression.candidates[place].text), "shown": neutralize(text)}
            for place in order
        ],
    }


def as_dict(found: Agreement) -> dict[str, Any]:
    """Return an agreement for JSON."""
    return {**asdict(found), "alpha": found.alpha.as_dict()}


def serve_labels(store: Store, queue: LabelQueue, config: LabelConfig, host: str, port: int) -> None:
    """Run the service until it is interrupted.

    Raises:
        ConfigError: if the address is no loopback address and there is no token.
    """
    check_address(host, config.token)
    listen(LabelService(store, queue, config).app(), host, port)
