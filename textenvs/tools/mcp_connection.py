"""One connection to an MCP server: the SDK is asynchronous and environments are not, so it has a thread of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters, stdio_client, types
from mcp.client.streamable_http import streamable_http_client
from pydantic import BaseModel

from textenvs.errors import ConfigError

if TYPE_CHECKING:
    from textenvs.tools.mcp import Server

MAX_BODY = 4 << 20
"""Most bytes of one answer over HTTP; events of a stream are bounded by the SDK."""

MAX_PAGES = 16
"""Most pages of a list of tools."""

_CLOSE_S = 8.0  # the SDK gives a program that does not end by itself 2 s, and 2 s more after SIGTERM
_SILENCE_S = 300.0  # longest silence of an open stream of events

_R = TypeVar("_R", bound=BaseModel)


class RemoteError(RuntimeError):
    """A tool on a server failed, or the server did; the message is for the agent."""


class Connection:
    """A connection to one server, opened in the background.

    Args:
        server: where it is.

    Attributes:
        server: where it is.
        lost: whether it is of no use any more; the next call needs a new one.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.lost = False
        self._opened: Future[Client] = Future()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._unanswered = 0
        self._thread = threading.Thread(target=self._run, name=f"mcp {server}", daemon=True)
        self._thread.start()
        self._started.wait()

    @property
    def ended(self) -> bool:
        """Whether everything that it held is closed."""
        return not self._thread.is_alive()

    def wait_until_open(self) -> None:
        """Return when the server has said who it is.

        Raises:
            ConfigError: if a variable that the server needs is not set.
            RemoteError: if it cannot be reached or started, or does not speak MCP.
        """
        try:
            self._opened.result(self.server.open_timeout_s)
        except ConfigError:
            raise
        except TimeoutError:
            self.close()
            raise RemoteError(f"it did not open within {self.server.open_timeout_s:g} s") from None
        except Exception as error:
            self.lost = True
            raise RemoteError(f"it cannot be reached: {_reason(error)}{self._advice()}") from error

    def offered(self) -> list[types.Tool]:
        """Return the tools that the server offers now.

        Raises:
            RemoteError: if it does not say.
        """
        tools: list[types.Tool] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            request = types.ListToolsRequest(params=types.PaginatedRequestParams(cursor=cursor))
            page = self._ask(request, types.ListToolsResult)
            tools += page.tools
            cursor = page.next_cursor
            if cursor is None:
                return tools
        raise RemoteError(f"its list of tools has more than {MAX_PAGES} pages")

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Call a tool and return its result: the structured one where there is one, else its text.

        Raises:
            TimeoutError: if there is no answer in time.
            RemoteError: if the tool failed or the server is gone.
        """
        parameters = types.CallToolRequestParams(name=name, arguments=arguments)
        result = self._ask(types.CallToolRequest(params=parameters), types.CallToolResult)
        text = "\n".join(_text(block) for block in result.content)
        if result.is_error:
            raise RemoteError(text or "the tool failed and does not say why")
        return text if result.structured_content is None else result.structured_content

    def close(self) -> None:
        """Close the connection and end the server, if this process started it."""
        self._drop()
        self._thread.join(_CLOSE_S)

    def _ask(self, request: types.ClientRequest, kind: type[_R]) -> _R:
        """Send a request from the caller's thread and wait for the answer.

        It goes past the SDK's own `call_tool`, which would check the result against the server's schema: patterns in
        there could take for ever, and a result is only shown.
        """
        seconds = self.server.timeout_s
        session = self._opened.result().session
        sending = session.send_request(request, kind)
        try:
            answer = asyncio.run_coroutine_threadsafe(sending, self._loop)
        except RuntimeError:  # another thread has closed the connection
            sending.close()
            raise RemoteError("the server is gone") from None
        try:
            said = answer.result(seconds)
        except TimeoutError:
            answer.cancel()
            self._count_unanswered()
            raise TimeoutError(f"the server did not answer within {seconds:g} s") from None
        except MCPError as error:
            if error.code == types.CONNECTION_CLOSED:
                self._drop()
            raise RemoteError(error.message) from None
        except Exception as error:
            self._drop()
            raise RemoteError(f"the server is gone or makes no sense: {_reason(error)}") from None
        self._unanswered = 0
        return said

    def _count_unanswered(self) -> None:
        """Take a server that has been silent to two calls in a row for hung."""
        self._unanswered += 1
        if self._unanswered > 1:
            self._drop()

    def _drop(self) -> None:
        self.lost = True
        with suppress(RuntimeError):  # it is closed already
            self._loop.call_soon_threadsafe(self._scope.cancel)

    def _advice(self) -> str:
        return "" if self.server.url else f"; run it by itself to see what it says: {self.server}"

    # In the connection's own thread

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._live())
        except BaseException as error:
            if not self._opened.done():
                self._opened.set_exception(error)
        finally:
            self.lost = True
            self._started.set()

    async def _live(self) -> None:
        with anyio.CancelScope() as self._scope:
            self._started.set()
            async with Client(_transport(self.server)) as client:
                self._opened.set_result(client)
                await anyio.sleep_forever()


def _transport(server: Server) -> AbstractAsyncContextManager[Any]:
    """Return the SDK's transport to a server.

    Raises:
        ConfigError: if an environment variable that the server needs is not set.
    """
    if server.url:
        token = {"Authorization": f"Bearer {_variable(server.token_variable)}"} if server.token_variable else {}
        return _over_http(server, token)
    environment = {name: _variable(name) for name in server.variables}
    command = StdioServerParameters(command=server.command[0], args=list(server.command[1:]), env=environment)
    return _over_pipes(command)


def _variable(name: str) -> str:
    if name not in os.environ:
        raise ConfigError(f"the environment variable {name} is not set; an MCP server needs it")
    return os.environ[name]


@asynccontextmanager
async def _over_pipes(command: StdioServerParameters) -> AsyncGenerator[Any]:
    """Start a program; what it writes to its error output is dropped."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        async with stdio_client(command, nowhere) as streams:
            yield streams


@asynccontextmanager
async def _over_http(server: Server, headers: dict[str, str]) -> AsyncGenerator[Any]:
    timeout = httpx2.Timeout(server.open_timeout_s, read=_SILENCE_S)
    hooks = {"response": [_bound]}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=timeout, event_hooks=hooks) as client,
        streamable_http_client(server.url, http_client=client) as streams,
    ):
        yield streams


async def _bound(response: httpx2.Response) -> None:
    """Limit the size of an answer before it is read."""
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends in an error where it grows too long."""

    def __init__(self, body: Any) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._body:
            size += len(chunk)
            if size > MAX_BODY:
                raise httpx2.ReadError(f"the answer has more than {MAX_BODY} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()


def _text(block: types.ContentBlock) -> str:
    """Return what an agent is shown of a block: text as it is, of anything else what it is."""
    return block.text if isinstance(block, types.TextContent) else f"[{block.type}]"


def _reason(error: BaseException) -> str:
    """Return an error in words; of a group its first."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return _reason(group.exceptions[0])
    return f"{type(error).__name__}: {error}"[:500]
