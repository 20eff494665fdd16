"""The tools of a Model Context Protocol (MCP) server, as tools like any other; needs the extra ``mcp``.

A server is a program that speaks over its standard input and output, or a URL (streamable HTTP). Every process that
calls its tools has one connection to it, opened at the first use and closed at the end of the process. What the server
keeps is shared by all episodes, as what plain functions keep is.

What a server says is not trusted: its schemas are checked and bounded, no reference in them is fetched, no pattern in
them is run, its results are cut, and whatever goes wrong with a call is a message to the agent.
"""

from __future__ import annotations

import atexit
import os
import re
import shlex
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from textenvs.errors import ConfigError, UsageError
from textenvs.tools.schema import Tool
from textenvs.tools.strict_json import MalformedJSONError, read_json, write_json

if TYPE_CHECKING:
    from mcp import types

    from textenvs.tools.mcp_connection import Connection

MAX_TOOLS = 256
"""Most tools that a server may offer."""

MAX_DESCRIPTION = 2_000
"""Most characters of a tool's description that are shown."""

MCP_PREFIX = "mcp:"
"""What a server's command or URL begins with where tools are given by name."""

_NAME = re.compile(r"[\w./-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is and how long it may take. It can be hashed, copied and pickled, and holds no secret.

    Attributes:
        command: words of the command line; empty for a server that is reached by `url`.
        url: ``http(s)://...``; ``""`` for a command.
        timeout_s: the most seconds that a call may take.
        open_timeout_s: the most seconds until a connection stands.
        variables: names of environment variables that the command is given, besides PATH, HOME and their like.
        token_variable: name of an environment variable whose value is sent to the URL as a bearer token.
    """

    command: tuple[str, ...] = ()
    url: str = ""
    timeout_s: float = 10.0
    open_timeout_s: float = 20.0
    variables: tuple[str, ...] = ()
    token_variable: str = ""

    def __str__(self) -> str:
        return self.url or " ".join(self.command)


@dataclass(frozen=True, slots=True)
class RemoteFunction:
    """What stands in a `Tool` for a function that a server runs.

    Attributes:
        server: that runs it.
        name: of the tool there.
    """

    server: Server
    name: str

    def __call__(self, **arguments: Any) -> Any:
        """Call the tool and return its result.

        Raises:
            TimeoutError: if the server takes too long.
            RemoteError: if the tool says that it failed, or the server is gone.
        """
        return _POOL.connection(self.server).call(self.name, arguments)


def mcp_tools(
    server: str,
    *,
    timeout_s: float = 10.0,
    open_timeout_s: float = 20.0,
    variables: tuple[str, ...] = (),
    token_variable: str = "",
) -> tuple[Tool, ...]:
    """Return the tools of an MCP server.

    Args:
        server: a command line, such as ``"python my_server.py"``, or a URL, such as ``"https://host/mcp"``.
        timeout_s: the most seconds that a call may take.
        open_timeout_s: the most seconds until a connection stands.
        variables: names of environment variables that the command is given, besides PATH, HOME and their like.
        token_variable: name of an environment variable whose value is sent to the URL as a bearer token.

    Raises:
        ConfigError: if the server cannot be reached, or what it offers cannot be used; the message says which and why.
    """
    remote = server.startswith(("http://", "https://"))
    try:
        command = () if remote else tuple(shlex.split(server))
    except ValueError as error:
        raise ConfigError(f"MCP server {server!r} is no command line: {error}") from None
    if not remote and not command:
        raise ConfigError('an MCP server is a command line, such as "python my_server.py", or a URL')
    there = Server(command, server if remote else "", timeout_s, open_timeout_s, variables, token_variable)
    try:
        offered = _POOL.connection(there).offered()
    except (OSError, RuntimeError) as error:
        raise ConfigError(f"MCP server {server!r} offers no tools: {error}") from error
    if not offered or len(offered) > MAX_TOOLS:
        raise ConfigError(f"MCP server {server!r} offers {len(offered)} tools; it must be 1 to {MAX_TOOLS}")
    return tuple(_tool(there, one) for one in offered)


def close_mcp_servers() -> None:
    """Close every connection of this process, and end the servers that it started. A later call opens them anew."""
    _POOL.close()


class _Pool:
    """The connections of this process, one for each server."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew; in a child process, where the threads of its parent's connections do not exist."""
        self._lock = threading.Lock()
        self._connections: list[Connection] = []  # those that stand, and those that are lost and not yet closed

    def connection(self, server: Server) -> Connection:
        """Return the standing connection to a server, or open one."""
        try:
            from textenvs.tools.mcp_connection import Connection
        except ModuleNotFoundError as error:
            raise ConfigError(f"MCP servers need the package {error.name!r}: pip install 'textenvs[mcp]'") from None
        with self._lock:
            self._connections = [one for one in self._connections if not one.ended]
            connection = next((one for one in self._connections if one.server == server and not one.lost), None)
            if connection is None:
                connection = Connection(server)
                self._connections.append(connection)
        connection.wait_until_open()
        return connection

    def close(self) -> None:
        with self._lock:
            connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()


_POOL = _Pool()
atexit.register(_POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.forget)


# From what a server offers to a tool


def _tool(server: Server, offered: types.Tool) -> Tool:
    where = f"MCP server {str(server)!r}, tool {offered.name[:128]!r}"
    if not _NAME.fullmatch(offered.name):
        raise ConfigError(f"{where}: a name has 1 to 128 letters, digits and any of _ - . /")
    try:
        parameters = _harmless(read_json(write_json(offered.input_schema)))
    except (MalformedJSONError, UsageError) as error:
        raise ConfigError(f"{where}: its schema cannot be used: {error}") from None
    text = offered.description or offered.title or offered.name
    shown = text if len(text) <= MAX_DESCRIPTION else f"{text[:MAX_DESCRIPTION]} ..."
    return Tool(offered.name, shown, parameters, RemoteFunction(server, offered.name), timeout_s=None)


_SCHEMAS_BY_NAME = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
_DATA = frozenset({"default", "const", "enum", "examples"})
_PATTERNS = frozenset({"pattern", "patternProperties"})
"""A server's regular expressions are not run on what an agent writes: together they could take for ever."""


def _harmless(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema without patterns.

    Raises:
        ConfigError: if it refers to another document.
    """
    if not str(schema.get("$ref", "#")).startswith("#"):
        raise ConfigError(f"it refers to {schema['$ref']!r}; only references within it, '#/...', are followed")
    return {key: _inner(key, value) for key, value in schema.items() if key not in _PATTERNS}


def _inner(key: str, value: Any) -> Any:
    if key in _DATA:
        return value
    if isinstance(value, list):
        return [_inner("", one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    inner = cast("dict[str, Any]", value)
    return {name: _inner("", one) for name, one in inner.items()} if key in _SCHEMAS_BY_NAME else _harmless(inner)
