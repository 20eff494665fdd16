"""ToolCall: an assistant that knows whether to call a tool, which one, and how."""
