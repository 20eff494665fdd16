"""Tools: from a function to a schema, from an agent's text to calls, from a call to a result."""

from textenvs.tools.call_formats import CALL_FORMATS, CallFormat, Parsed, call_format
from textenvs.tools.schema import Tool, tool_of
from textenvs.tools.strict_json import MalformedJSONError, read_json
from textenvs.tools.toolbox import Failure, Toolbox, ToolResult

__all__ = [
    "CALL_FORMATS",
    "CallFormat",
    "Failure",
    "MalformedJSONError",
    "Parsed",
    "Tool",
    "ToolResult",
    "Toolbox",
    "call_format",
    "read_json",
    "tool_of",
]
