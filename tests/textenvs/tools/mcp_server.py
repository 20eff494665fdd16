"""A real MCP server for the tests: over pipes, or over HTTP at the port that is given."""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ImageContent
from pydantic import Field

server = MCPServer("shop", log_level="CRITICAL")
COUNTS: dict[str, int] = {}


@server.tool()
def weather(city: str, day: str = "today") -> dict[str, str | int]:
    """Tell the weather."""
    return {"city": city, "day": day, "degrees": len(city) * 3}


@server.tool(structured_output=False)
def greet(name: Annotated[str, Field(pattern="(a+)+$", description="of a person")]) -> str:
    """Say hello."""
    return f"Hello, {name}."


@server.tool()
def count() -> int:
    """Count how often this has been asked."""
    COUNTS["asked"] = COUNTS.get("asked", 0) + 1
    return COUNTS["asked"]


@server.tool()
def refuse() -> str:
    """Always fail."""
    raise ToolError("not today")


@server.tool()
def hang(seconds: float) -> str:
    """Take long."""
    time.sleep(seconds)
    return "at last"


@server.tool()
def die() -> str:
    """End the server."""
    os._exit(3)


@server.tool(structured_output=False)
def flood(characters: int) -> str:
    """Say too much."""
    return "x" * characters


@server.tool(structured_output=False)
def draw() -> Any:
    """Return a picture."""
    return ImageContent(type="image", data="aGk=", mime_type="image/png")


@server.tool(structured_output=False)
def variable(name: str) -> str:
    """Tell an environment variable."""
    return os.environ.get(name, "none")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]), json_response="json" in sys.argv)
    else:
        server.run("stdio")
