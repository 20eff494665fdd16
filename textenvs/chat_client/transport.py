"""The HTTP under the clients of a server: one request, bounded in size and time, tried again where that may help."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from textenvs.errors import EndpointError

MAX_BODY = 4 << 20
"""Most bytes of an answer."""

LONGEST_WAIT_S = 30.0
"""Most seconds between two attempts, whatever the server asks for."""

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses that another attempt may change."""

_ADVICE = {
    401: "the key is missing or wrong",
    403: "the key does not allow this",
    404: "there is no such address or model",
}

_BACKOFF = wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT_S)


class _PassingError(EndpointError):
    """A failure that may pass; `after` is how many seconds the server asks to wait."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class Transport:
    """Connections to one endpoint, for any number of threads.

    Args:
        url: base address.
        key_variable: name of the environment variable that holds the key, read at every request.
        timeout_s: most seconds of one attempt.
        connections: most connections at a time.
    """

    def __init__(self, url: str, key_variable: str, timeout_s: float, connections: int) -> None:
        self._url = url
        self._key_variable = key_variable
        self._timeout_s = timeout_s
        limits = httpx2.Limits(max_connections=connections)
        self._client = httpx2.Client(timeout=timeout_s, limits=limits)  # redirects are not followed

    def send(
        self, path: str, body: Mapping[str, Any] | None, retries: int, on_retry: Callable[[], None] = lambda: None
    ) -> str:
        """Post a body and return that of the answer.

        Args:
            path: below the base address, such as ``"/chat/completions"``.
            body: a JSON object; None asks with GET instead.
            retries: most further attempts.
            on_retry: called before each of them.

        Raises:
            EndpointError: if there is no answer.
        """
        attempts = Retrying(
            stop=stop_after_attempt(retries + 1),
            wait=_wait,
            retry=retry_if_exception_type(_PassingError),
            sleep=sleep,
            before_sleep=lambda _: on_retry(),
            reraise=True,
        )
        return attempts(self._send_once, path, body)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send_once(self, path: str, body: Mapping[str, Any] | None) -> str:
        key = os.environ.get(self._key_variable, "")
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        method = "GET" if body is None else "POST"
        # Lone surrogates cannot be sent.
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        try:
            with self._client.stream(method, f"{self._url}{path}", content=data, headers=headers) as response:
                text = self._read(response)
        except httpx2.TimeoutException:
            raise _PassingError(f"no answer within {self._timeout_s:g} s") from None
        except httpx2.TransportError as error:
            raise _PassingError(f"it cannot be reached: {error or type(error).__name__}") from None
        except (httpx2.HTTPError, ValueError) as error:
            raise EndpointError(f"the request cannot be sent: {error}") from None
        if response.is_success:
            return text
        raise self._refused(response, text.replace(key, "***") if key else text)

    def _read(self, response: httpx2.Response) -> str:
        """Read the body, as far as size and time allow: a server that drips is as bad as one that is silent."""
        deadline = monotonic() + self._timeout_s
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_BODY:
                raise EndpointError(f"its answer has more than {MAX_BODY} bytes")
            if monotonic() > deadline:
                raise _PassingError(f"no complete answer within {self._timeout_s:g} s")
        return body.decode("utf-8", "replace")

    def _refused(self, response: httpx2.Response, text: str) -> EndpointError:
        status = response.status_code
        advice = f"; {_ADVICE[status]} (key in ${self._key_variable})" if status in _ADVICE else ""
        message = f"it answers with status {status}{advice}: {text[:200]!r}"
        if status in _PASSING:
            return _PassingError(message, _seconds(response.headers.get("retry-after", "")))
        return EndpointError(message)


def _wait(state: RetryCallState) -> float:
    """Return how long to wait: what the server asks for, but at least the backoff."""
    failure = state.outcome.exception() if state.outcome is not None else None
    asked = failure.after if isinstance(failure, _PassingError) else 0.0
    return min(LONGEST_WAIT_S, max(asked, _BACKOFF(state)))


def _seconds(text: str) -> float:
    """Return the seconds of a Retry-After header; 0 for a date, which is rare, or nonsense."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0
