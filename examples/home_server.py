"""A small MCP server, for `06_tools_of_an_mcp_server.py`."""

from mcp.server import MCPServer

server = MCPServer("home", log_level="ERROR")


@server.tool()
def light(room: str, on: bool) -> str:
    """Switch a light."""
    return f"{room}: {'on' if on else 'off'}"


if __name__ == "__main__":
    server.run()
