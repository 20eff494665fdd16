"""Tools at work in an episode; a user's own: functions as they are, a class as an object of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, Self, cast

from textenvs.errors import ConfigError, UsageError
from textenvs.rewards.spec import import_named
from textenvs.tools import Tool, Toolbox
from textenvs.tools.mcp import MCP_PREFIX, mcp_tools

ToolLike = Tool | Callable[..., Any] | type[Any]
"""A tool, a function (see `tool_of`), or a class: its public methods are tools, its public attributes are state."""


def resolve(tools: Sequence[ToolLike | str] | str) -> tuple[ToolLike, ...]:
    """Return tools with every ``"pkg.mod:name"`` imported, and every ``"mcp:SERVER"`` asked what it offers.

    Raises:
        ConfigError: if there are none, a name cannot be imported or called, or a server cannot be reached.
    """
    if not tools:
        raise ConfigError('tools=[]: give functions, classes, or their names as "pkg.mod:name" or "mcp:SERVER"')
    given = [tools] if isinstance(tools, str) else tools
    return tuple(found for tool in given for found in (_named(tool) if isinstance(tool, str) else (tool,)))


def _named(name: str) -> tuple[ToolLike, ...]:
    if name.startswith(MCP_PREFIX):
        return mcp_tools(name.removeprefix(MCP_PREFIX))
    return (_import(name),)


def _import(name: str) -> ToolLike:
    try:
        found = import_named(name)
    except UsageError as error:
        raise ConfigError(f"tool {name!r}: {error}") from error
    if not isinstance(found, Tool) and not callable(found):
        raise ConfigError(f"tool {name!r} names a {type(found).__name__}, which cannot be called")
    return cast("ToolLike", found)


class Bench(Protocol):
    """Tools at work, with what they change."""

    @property
    def toolbox(self) -> Toolbox:
        """Runs the calls."""
        ...

    @property
    def offered(self) -> tuple[str, ...]:
        """The tools on offer from the beginning, as JSON text."""
        ...

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """JSON Schema of the arguments of every tool, by name."""
        ...

    def begin(self, number: int, put_right: bool = False) -> None:
        """Prepare for a task of the episode.

        Args:
            number: of the task.
            put_right: whether those before went wrong, so that what they should have left must be brought about.
        """
        ...

    def state(self) -> Mapping[str, Any] | None:
        """Return what the tools have changed; None where nothing is known of it."""
        ...

    def fork(self) -> Self:
        """Return an independent copy."""
        ...


class Workbench:
    """Tools that an episode runs, with what they change.

    A class among the tools is called without arguments once an episode, so each episode begins in the same state.
    Plain functions are shared by all episodes; what they keep is not known here, and a copy of an episode shares it.

    Args:
        tools: as `resolve` returns them.

    Attributes:
        toolbox: runs the calls.

    Raises:
        ConfigError: if one cannot become a tool.
    """

    def __init__(self, tools: Sequence[ToolLike]) -> None:
        self._build([cast("Any", tool)() if isinstance(tool, type) else tool for tool in tools])

    def _build(self, made: Sequence[Any]) -> None:
        self._made: tuple[Any, ...] = tuple(made)
        self.toolbox = Toolbox(tool for one in self._made for tool in _tools_of(one))

    @property
    def offered(self) -> tuple[str, ...]:
        """The tools, as JSON text."""
        return self.toolbox.schemas

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """JSON Schema of the arguments of every tool, by name."""
        return {name: tool.parameters for name, tool in self.toolbox.tools.items()}

    def begin(self, number: int, put_right: bool = False) -> None:
        """Do nothing: one's own tasks are episodes of their own."""

    def state(self) -> Mapping[str, Any] | None:
        """Return the public attributes of the objects among the tools; None where there is no such object."""
        objects = [one for one in self._made if _keeps_state(one)]
        held: dict[str, Any] = {}
        for one in objects:
            held |= {
                name: value for name, value in cast("dict[str, Any]", vars(one)).items() if not name.startswith("_")
            }
        return copy.deepcopy(held) if objects else None

    def fork(self) -> Self:
        """Return a copy whose objects are its own."""
        twin = object.__new__(type(self))
        twin._build([copy.deepcopy(one) if _keeps_state(one) else one for one in self._made])
        return twin

    def __getstate__(self) -> tuple[Any, ...]:
        """Return what the tools are made of; the toolbox's validators cannot be pickled and are made again."""
        return self._made

    def __setstate__(self, made: tuple[Any, ...]) -> None:
        self._build(made)


def _keeps_state(one: Any) -> bool:
    return not isinstance(one, Tool) and hasattr(one, "__dict__") and not hasattr(one, "__name__")


def _tools_of(one: Any) -> Iterator[Tool | Callable[..., Any]]:
    if not _keeps_state(one):
        yield one
        return
    names = [
        name for name in vars(cast("type[Any]", type(one))) if not name.startswith("_") and callable(getattr(one, name))
    ]
    if not names:
        raise ConfigError(f"{type(one).__name__} has no public methods; they are what becomes tools")
    yield from (getattr(one, name) for name in names)
