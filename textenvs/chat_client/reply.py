"""What a chat endpoint answers, read strictly from the protocol's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from textenvs.errors import EndpointError


@dataclass(frozen=True, slots=True)
class RequestedCall:
    """A tool call as an endpoint gives it.

    Attributes:
        name: of the tool.
        arguments: JSON text, as the model wrote it; it may be malformed.
        call_id: the server's name for it.
    """

    name: str
    arguments: str
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a chat model.

    Attributes:
        text: what it says; ``""`` where it only calls tools. Any Unicode but lone surrogates.
        calls: the tool calls that the server recognised.
        finish_reason: why it stopped, in the server's word, such as ``"stop"`` or ``"length"``.
        prompt_tokens: read, as the server counts; 0 if it does not say.
        completion_tokens: written, likewise.
    """

    text: str
    calls: tuple[RequestedCall, ...] = ()
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


def read_reply(text: str) -> Reply:
    """Read the body of an answer.

    Raises:
        EndpointError: if it is no chat completion.
    """
    try:
        body = json.loads(text)
        choice = body["choices"][0]
        message = choice["message"]
        said, calls, usage = message.get("content"), message.get("tool_calls"), body.get("usage")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise EndpointError(f"what it sends is no chat completion: {_shown(text)}") from error
    return Reply(
        _clean(_text(said)),
        tuple(_call(call) for call in _items(calls)),
        _string(choice, "finish_reason"),
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
    )


def _text(said: Any) -> str:
    """Return the words of a message: a text, or those of its parts that are text."""
    if isinstance(said, str):
        return said
    return "".join(_string(part, "text") for part in _items(said))


def _call(call: Any) -> RequestedCall:
    function = cast("Mapping[str, Any]", call).get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise EndpointError("a tool call in its answer names no function")
    named = cast("dict[str, Any]", function)
    return RequestedCall(
        _clean(_string(named, "name")), _clean(_string(named, "arguments")), _clean(_string(call, "id"))
    )


def _items(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _string(record: Any, key: str) -> str:
    value = cast("dict[str, Any]", record).get(key) if isinstance(record, dict) else None
    return value if isinstance(value, str) else ""


def _count(usage: Any, key: str) -> int:
    value = cast("dict[str, Any]", usage).get(key) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32 else 0


def _clean(text: str) -> str:
    """Replace lone surrogates, which JSON can hold and UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _shown(text: str) -> str:
    return repr(text[:200])
