"""The one client for chat endpoints: judges, simulated users and remote policies all speak through it.

Any server with OpenAI's ``POST /chat/completions`` will do (vLLM, SGLang, llama.cpp, a provider's). Needs the extra
``judge``. What an endpoint says is not trusted: it is bounded in size and time and read strictly; whatever goes wrong
is an `EndpointError`. Secrets come from environment variables and appear in no message, log, pickle or cache.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from textenvs.chat_client.cache import ChatCache
from textenvs.chat_client.reply import Reply, read_reply
from textenvs.errors import ConfigError, EndpointError

if TYPE_CHECKING:
    from textenvs.chat_client.transport import Transport

KEY_VARIABLE = "TEXTENVS_API_KEY"
"""Environment variable whose value is sent as the key, where it is set and no other one is named."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a chat model answers, and how it is to be treated. It can be hashed, copied and pickled.

    Attributes:
        url: base address, such as ``"http://127.0.0.1:8000/v1"``.
        model: name of the model there.
        key_variable: name of the environment variable that holds the key; nothing is sent where it is not set.
        timeout_s: most seconds of one attempt, from the connection to the last byte.
        retries: most further attempts after one that failed for a passing reason.
        concurrency: most requests of this process at a time.
        prices: of a million tokens read and of a million written, in whatever currency.
        cache: file in which answers are kept; ``""`` keeps none.

    Raises:
        ConfigError: if a value is out of range.
    """

    url: str
    model: str
    key_variable: str = KEY_VARIABLE
    timeout_s: float = 60.0
    retries: int = 3
    concurrency: int = 8
    prices: tuple[float, float] = (0.0, 0.0)
    cache: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ConfigError(f"url={self.url!r}: an endpoint's address is such as 'http://127.0.0.1:8000/v1'")
        if parts.username is not None or parts.password is not None:
            raise ConfigError(f"an endpoint's address holds no secret; put the key into ${self.key_variable}")
        if not self.model:
            raise ConfigError(f"{self.url}: which model? Give its name, such as '{self.url}#my-model'")
        if not self.timeout_s > 0 or self.retries < 0 or self.concurrency < 1:
            raise ConfigError("an endpoint needs timeout_s > 0, retries >= 0 and concurrency >= 1")

    @classmethod
    def of(cls, address: str | Endpoint) -> Endpoint:
        """Return the endpoint that ``"URL#MODEL"`` stands for; one that is an endpoint already is returned as it is.

        Raises:
            ConfigError: if the address is none.
        """
        if isinstance(address, Endpoint):
            return address
        url, _, model = address.partition("#")
        return cls(url.rstrip("/"), model)

    def __str__(self) -> str:
        return f"{self.url}#{self.model}"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is asked of an endpoint.

    Attributes:
        messages: as the protocol has them: role, content, and what goes with them.
        tools: JSON Schemas on offer, as the protocol has them.
        temperature: of the sampling.
        max_tokens: longest answer.
        seed: of the sampling; None leaves it to the server. Equal requests with equal seeds share a cached answer.
    """

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    temperature: float = 0.0
    max_tokens: int = 512
    seed: int | None = None

    def body(self, model: str) -> dict[str, Any]:
        """Return the JSON object that is sent."""
        body: dict[str, Any] = {
            "model": model,
            "messages": [dict(message) for message in self.messages],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        if self.tools:
            body["tools"] = [dict(tool) for tool in self.tools]
        if self.seed is not None:
            body["seed"] = self.seed
        return body


@dataclass(slots=True)
class Usage:
    """What a client has done so far.

    Attributes:
        answers: requests that were answered, from the cache or not.
        cached: of these, from the cache.
        failures: requests that were not answered.
        retries: further attempts.
        prompt_tokens: read by the model, as it says.
        completion_tokens: written by the model, as it says.
    """

    answers: int = 0
    cached: int = 0
    failures: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def cost(self, prices: tuple[float, float]) -> float:
        """Return what the tokens cost, at prices per million read and written."""
        return (self.prompt_tokens * prices[0] + self.completion_tokens * prices[1]) / 1e6


@dataclass
class ChatClient:
    """A client of one endpoint, for any number of threads; see `client_of`.

    Attributes:
        endpoint: that answers.
        usage: what was done so far.
    """

    endpoint: Endpoint
    usage: Usage = field(default_factory=Usage)

    def __post_init__(self) -> None:
        """Open the cache; nothing is sent yet."""
        self._transport: Transport = open_transport(self.endpoint)
        self._cache = ChatCache(self.endpoint.cache) if self.endpoint.cache else None
        self._places = threading.BoundedSemaphore(self.endpoint.concurrency)
        self._lock = threading.Lock()
        self._answers = False

    def ask(self, request: ChatRequest) -> Reply:
        """Return the answer to a request.

        Raises:
            EndpointError: if there is none, after every attempt.
        """
        body = request.body(self.endpoint.model)
        known = None if self._cache is None else self._cache.find(str(self.endpoint), body)
        if known is not None:
            self._count(answers=1, cached=1)
            return known
        try:
            with self._places:
                reply = self._exchange(body, self.endpoint.retries)
        except EndpointError:
            self._count(failures=1)
            raise
        self._count(answers=1, prompt_tokens=reply.prompt_tokens, completion_tokens=reply.completion_tokens)
        if self._cache is not None:
            self._cache.keep(str(self.endpoint), body, reply)
        return reply

    def ask_all(self, requests: Sequence[ChatRequest]) -> list[Reply | EndpointError]:
        """Return the answer to each request, or why there is none, in order; asked many at a time."""
        with ThreadPoolExecutor(min(self.endpoint.concurrency, max(1, len(requests)))) as threads:
            return list(threads.map(self._ask_or_error, requests))

    def forget(self, requests: Sequence[ChatRequest]) -> None:
        """Drop the answers to these requests from the cache: whoever asks again, asks the endpoint."""
        if self._cache is not None:
            for request in requests:
                self._cache.forget(str(self.endpoint), request.body(self.endpoint.model))

    def check(self) -> None:
        """Ask for one token, once: an endpoint that is down, or a wrong name or key, shows before a long run.

        One that has answered is not asked again.

        Raises:
            EndpointError: saying what is wrong.
        """
        if self._answers:
            return
        request = ChatRequest([{"role": "user", "content": "Say yes."}], max_tokens=1)
        self._exchange(request.body(self.endpoint.model), retries=0)

    def close(self) -> None:
        """Close connections and cache."""
        self._transport.close()
        if self._cache is not None:
            self._cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask_or_error(self, request: ChatRequest) -> Reply | EndpointError:
        try:
            return self.ask(request)
        except EndpointError as error:
            return error

    def _exchange(self, body: Mapping[str, Any], retries: int) -> Reply:
        try:
            reply = read_reply(self._transport.send("/chat/completions", body, retries, self._count_retry))
        except EndpointError as error:
            raise EndpointError(f"{self.endpoint}: {error}") from error
        self._answers = True
        return reply

    def _count_retry(self) -> None:
        self._count(retries=1)

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, number in more.items():
                setattr(self.usage, name, getattr(self.usage, name) + number)


def open_transport(endpoint: Endpoint) -> Transport:
    """Return connections to an endpoint, for whoever speaks another protocol than chat with it.

    Raises:
        ConfigError: if the HTTP library is not installed.
    """
    try:
        from textenvs.chat_client.transport import Transport
    except ModuleNotFoundError as error:
        raise ConfigError(f"endpoints need the package {error.name!r}: pip install 'textenvs[judge]'") from None
    return Transport(endpoint.url, endpoint.key_variable, endpoint.timeout_s, endpoint.concurrency)


# One client per process and endpoint


def client_of(endpoint: Endpoint) -> ChatClient:
    """Return this process's client of an endpoint; whoever asks shares its limit, its cache and its counts."""
    with _POOL.lock:
        client = _POOL.clients.get(endpoint)
        if client is None:
            client = _POOL.clients[endpoint] = ChatClient(endpoint)
    return client


def close_clients() -> None:
    """Close every client that `client_of` has made; a later call makes new ones."""
    with _POOL.lock:
        clients = list(_POOL.clients.values())
        _POOL.clients.clear()
    for client in clients:
        client.close()


class _Pool:
    """The clients of this process."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew; in a child process, for connections cannot be shared with the parent."""
        self.lock = threading.Lock()
        self.clients: dict[Endpoint, ChatClient] = {}


_POOL = _Pool()
atexit.register(close_clients)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.forget)
