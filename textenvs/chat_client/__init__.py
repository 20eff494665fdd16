"""The one client for chat endpoints; importing it imports no HTTP library yet."""

from textenvs.chat_client.client import (
    ChatClient,
    ChatRequest,
    Endpoint,
    Usage,
    client_of,
    close_clients,
    open_transport,
)
from textenvs.chat_client.reply import Reply, RequestedCall

__all__ = [
    "ChatClient",
    "ChatRequest",
    "Endpoint",
    "Reply",
    "RequestedCall",
    "Usage",
    "client_of",
    "close_clients",
    "open_transport",
]
