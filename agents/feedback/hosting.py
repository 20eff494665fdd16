"""What every service here shares: bodies of limited size, answers to what goes wrong, and the address it listens on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from agents.feedback.gate import LOOPBACK
from agents.feedback.refusals import Reason, Refusal
from agents.feedback.replies import HEADERS, refuse
from textenvs.errors import ConfigError, StoreUnavailableError

RETRY_AFTER_S = 1
READING_S = 10.0
"""Seconds that a client may take to send a body."""
SHORTEST_TOKEN = 16
LAST_PORT = 65_535


async def read_body(request: Request, most: int) -> bytes | Refusal:
    """Return the body of a request that says it is JSON, or what is wrong with it.

    Args:
        request: to read.
        most: bytes that are taken.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        # A page of another origin can send texts and forms without being asked, but no JSON.
        return Refusal(Reason.MEDIA_TYPE, "the header Content-Type must be application/json")
    too_large = Refusal(Reason.TOO_LARGE, f"the body has more than {most} bytes")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        return too_large
    body = bytearray()
    try:
        async with asyncio.timeout(READING_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    return too_large
    except TimeoutError:
        return Refusal(Reason.TOO_SLOW, f"the body took longer than {READING_S:.0f} s")
    return bytes(body)


def check_token(token: str | None) -> None:
    """Refuse a token that can be guessed.

    Raises:
        ConfigError: if it is short.
    """
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise ConfigError(
            f"the token must have {SHORTEST_TOKEN} characters or more, such as: openssl rand -hex {SHORTEST_TOKEN}"
        )


def check_address(host: str, token: str | None) -> None:
    """Refuse to let others in without a token.

    Raises:
        ConfigError: if the address is no loopback address and there is no token.
    """
    if host not in LOOPBACK and token is None:
        raise ConfigError(f"--host {host} lets others in: give a token (--token-file, or TEXTENVS_FEEDBACK_TOKEN)")


def listen(app: ASGIApp, host: str, port: int) -> None:
    """Serve an application until it is interrupted; what runs is finished first.

    Raises:
        ConfigError: if nobody can listen there.
    """
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=4000,
        timeout_graceful_shutdown=10,
    )
    with _socket(host, port) as listening, contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([listening])


def _socket(host: str, port: int) -> socket.socket:
    if not 0 < port <= LAST_PORT:
        raise ConfigError(f"--port {port}: a port is a number from 1 to {LAST_PORT}")
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigError(f"nobody can listen at {host}:{port}: {error.strerror}; choose another --port") from None


def _unavailable(_: Request, error: Exception) -> Response:
    return refuse(Refusal(Reason.UNAVAILABLE, str(error)), RETRY_AFTER_S)


def _no_such(_: Request, error: Exception) -> Response:
    return JSONResponse({"status": "refused", "detail": str(error)}, getattr(error, "status_code", 404), HEADERS)


def _internal(_: Request, _error: Exception) -> Response:
    return JSONResponse({"status": "failed", "detail": "the service itself failed; its log says more"}, 500, HEADERS)


HANDLERS: Mapping[Any, Callable[[Request, Exception], Response]] = {
    StoreUnavailableError: _unavailable,
    404: _no_such,
    405: _no_such,
    500: _internal,
}
"""What answers each kind of failure; never with a traceback."""
