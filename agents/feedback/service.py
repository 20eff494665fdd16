"""The collector: an HTTP service that takes impressions and events, and shows what came in."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from agents.feedback.events import EVENTS, IMPRESSIONS
from agents.feedback.gate import Gate, RateLimit
from agents.feedback.hosting import HANDLERS, check_address, check_token, listen, read_body
from agents.feedback.intake import read_records
from agents.feedback.openapi import describe
from agents.feedback.page import POLICY, render_page
from agents.feedback.refusals import Refusal
from agents.feedback.replies import HEADERS, refuse, report
from agents.feedback.statistics import Statistics, statistics
from agents.feedback.store import Store
from agents.feedback.writer import GroupWriter
from textenvs.errors import ConfigError

FRESH_S = 2.0
"""Seconds for which statistics are not asked for again."""


@dataclass(frozen=True, kw_only=True)
class ServiceConfig:
    """How the service behaves.

    Attributes:
        token: that requests must bring; None is for the loopback address only.
        max_body_bytes: of a request.
        max_records: in a request.
        requests_per_s: that one client may make in the long run.
        burst: requests that it may make at once.
    """

    token: str | None = field(default=None, repr=False)
    max_body_bytes: int = 256 * 1024
    max_records: int = 500
    requests_per_s: float = 2000.0
    burst: float = 4000.0

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("max_body_bytes", "max_records", "requests_per_s", "burst"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)!r}: must be 1 or more")
        check_token(self.token)


class Collector:
    """The service's routes, and what they share.

    Args:
        store: where everything goes; whoever made it closes it.
        config: how to behave.
    """

    def __init__(self, store: Store, config: ServiceConfig) -> None:
        self._store = store
        self._config = config
        self._writer = GroupWriter(store)
        self._figures: tuple[float, Statistics] | None = None

    def app(self) -> Starlette:
        """Return the ASGI application."""
        limit = RateLimit(self._config.requests_per_s, self._config.burst)
        gate = Middleware(Gate, token=self._config.token, limit=limit, count=self._writer.count)
        routes = [
            Route("/v1/impressions", partial(self._receive, IMPRESSIONS), methods=["POST"]),
            Route("/v1/events", partial(self._receive, EVENTS), methods=["POST"]),
            Route("/v1/statistics", self._show_statistics),
            Route("/health", self._show_health),
            Route("/openapi.json", self._show_description),
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

    async def _receive(self, adapter: TypeAdapter[Any], request: Request) -> Response:
        """Take one record or an array of them; answer when they are durable."""
        body = await read_body(request, self._config.max_body_bytes)
        found = body if isinstance(body, Refusal) else read_records(body, adapter, self._config.max_records)
        if isinstance(found, Refusal):
            self._writer.count(found.reason)
            return refuse(found)
        records, many = found
        good = [record for record in records if not isinstance(record, Refusal)]
        for record in records:
            if isinstance(record, Refusal):
                self._writer.count(record.reason)
        appended = iter(await asyncio.wrap_future(self._writer.submit(good)) if good else ())
        outcomes = [record if isinstance(record, Refusal) else next(appended) for record in records]
        return report(outcomes, [getattr(record, "id", None) for record in records], many)

    async def _show_statistics(self, _: Request) -> Response:
        return JSONResponse(asdict(await self._statistics()), headers=HEADERS)

    async def _show_page(self, _: Request) -> Response:
        page = render_page(await self._statistics(), time.time())
        return HTMLResponse(page, headers={**HEADERS, "Content-Security-Policy": POLICY})

    async def _show_health(self, _: Request) -> Response:
        await run_in_threadpool(self._store.last_seq)
        return JSONResponse({"status": "ok"}, headers=HEADERS)

    async def _show_description(self, _: Request) -> Response:
        return JSONResponse(describe(self._config.token is not None), headers=HEADERS)

    async def _statistics(self) -> Statistics:
        now = time.monotonic()
        if self._figures is None or now - self._figures[0] > FRESH_S:
            self._figures = (now, await run_in_threadpool(self._count))
        return self._figures[1]

    def _count(self) -> Statistics:
        with self._writer.pending() as refused:
            return statistics(self._store, refused)


def serve(store: Store, config: ServiceConfig, host: str, port: int) -> None:
    """Run the service until it is interrupted.

    Raises:
        ConfigError: if the address is no loopback address and there is no token.
    """
    check_address(host, config.token)
    listen(Collector(store, config).app(), host, port)
