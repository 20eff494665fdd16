"""What stands before the service: who may ask, how often, and under which name."""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from agents.feedback.refusals import Reason, Refusal
from agents.feedback.replies import refuse

LOOPBACK = ("localhost", "127.0.0.1", "::1")
OPEN = ("/health",)
"""Paths that need no token."""
MOST_CLIENTS = 10_000

Count = Callable[[Reason], None]


class RateLimit:
    """A token bucket for each client.

    Args:
        per_s: requests per second that a client may make in the long run.
        burst: requests that it may make at once.
        clock: tells the time, in seconds.
    """

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take a token; return 0, or the seconds until there is one."""
        now = self._clock()
        left, then = self._buckets.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._per_s)
        allowed = left >= 1
        self._buckets[client] = (left - allowed, now)
        if len(self._buckets) > MOST_CLIENTS:  # the one that was silent for longest has most likely a full bucket
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_s


class Gate:
    """An ASGI middleware that lets a request in, or says why not.

    Args:
        app: what is behind it.
        token: that a request must bring, as a bearer token or as the password of basic authentication; None asks for
            none. Then only requests for a loopback name are let in: a page in the user's browser that makes its own
            name point here (DNS rebinding) is not.
        limit: of the rate.
        count: is told of every refusal.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, limit: RateLimit, count: Count) -> None:
        self._app = app
        self._token = token
        self._limit = limit
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        wait = self._limit.wait(request.client.host if request.client else "")
        refusal = Refusal(Reason.TOO_FAST, "too many requests") if wait else self._doubt(request)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        self._count(refusal.reason)
        await refuse(refusal, retry_after_s=math.ceil(wait))(scope, receive, send)

    def _doubt(self, request: Request) -> Refusal | None:
        if request.url.path in OPEN:
            return None
        if self._token is not None:
            known = _is_token(request.headers.get("authorization", ""), self._token)
            return None if known else Refusal(Reason.UNAUTHORISED, "the token is missing or wrong")
        if _host(request.headers.get("host", "")) not in LOOPBACK:
            return Refusal(Reason.UNAUTHORISED, f"without a token only {', '.join(LOOPBACK)} are answered for")
        return None


def _is_token(header: str, token: str) -> bool:
    scheme, _, given = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), token.encode())


def _host(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
