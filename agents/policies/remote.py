"""A policy that is a chat model behind an endpoint: it can be evaluated, and not trained."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from textenvs.chat_client import ChatRequest, Endpoint, Reply, RequestedCall, client_of
from textenvs.core import Observation
from textenvs.messages import Message, ToolCall
from textenvs.tools import CallFormat, MalformedJSONError, call_format, read_json


@dataclass(frozen=True)
class RemotePolicy:
    """A chat model that acts.

    Tools go to the endpoint as the protocol has them. The calls of the past become the protocol's tool calls, and those
    that the server returns become text in the environment's own format, so that the world reads them as any action.

    Attributes:
        endpoint: that answers.
        form: in which the environment's calls are written, one of `CALL_FORMATS`.
        temperature: of the sampling.
        max_tokens: longest turn.
        seed: of the sampling; None leaves it to the server.
    """

    endpoint: Endpoint
    form: str = "hermes"
    temperature: float = 0.0
    max_tokens: int = 512
    seed: int | None = None

    def __call__(self, observation: Observation) -> str:
        """Return what the model says to an observation.

        Raises:
            EndpointError: if it does not answer.
        """
        form = call_format(self.form)
        tools = [json.loads(schema) for schema in observation["tools"]]
        messages = list(chat_messages(observation, form))
        request = ChatRequest(messages, tools, self.temperature, self.max_tokens, self.seed)
        return action_text(client_of(self.endpoint).ask(request), form)

    def act(self, observations: Sequence[Observation]) -> list[str]:
        """Return one action per observation.

        Raises:
            EndpointError: if the endpoint does not answer.
        """
        return [self(observation) for observation in observations]

    def sampling(self, temperature: float, max_tokens: int, seed: int | None) -> Self:
        """Return the same policy with other settings of the sampling."""
        return dataclasses.replace(self, temperature=temperature, max_tokens=max_tokens, seed=seed)


def chat_messages(observation: Observation, form: CallFormat) -> Iterator[dict[str, Any]]:
    """Yield a conversation as the protocol has it.

    A tool message that answers no call that can be read (a complaint about a malformed one, say) becomes the user's.

    Args:
        observation: what the agent sees.
        form: in which its calls are written.
    """
    if observation["instruction"]:
        yield {"role": "system", "content": observation["instruction"]}
    history, place = observation["history"], 0
    while place < len(history):
        message = history[place]
        place += 1
        calls = form.parse(message["content"]) if message["role"] == "assistant" else None
        answers = _answers(history, place)
        if calls is None or not calls.calls or len(answers) != len(calls.calls):
            role = "user" if message["role"] == "tool" else message["role"]
            yield {"role": role, "content": message["content"]}
            continue
        ids = [answer["call_id"] or f"call_{place}_{number}" for number, answer in enumerate(answers)]
        made = [_protocol_call(call, name) for call, name in zip(calls.calls, ids, strict=True)]
        yield {"role": "assistant", "content": calls.text, "tool_calls": made}
        yield from (
            {"role": "tool", "tool_call_id": name, "content": answer["content"]}
            for answer, name in zip(answers, ids, strict=True)
        )
        place += len(answers)


def _answers(history: Sequence[Message], start: int) -> list[Message]:
    """Return the tool messages that stand together from `start` on."""
    found: list[Message] = []
    for message in history[start:]:
        if message["role"] != "tool":
            break
        found.append(message)
    return found


def _protocol_call(call: ToolCall, name: str) -> Mapping[str, Any]:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    return {"id": name, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def action_text(reply: Reply, form: CallFormat) -> str:
    """Return a reply as an action: its words, then its calls in the environment's format.

    Arguments that are no JSON object stay as the model wrote them, so that the environment says what is wrong.
    """
    read = [_read(call) for call in reply.calls]
    made = [call for call in read if call is not None]
    if len(made) == len(read):
        calls = [form.render(made)] if made else []
    else:
        calls = [_as_written(call, form) for call in reply.calls]
    return "\n".join(part for part in (reply.text, *calls) if part)


def _read(call: RequestedCall) -> ToolCall | None:
    """Return the call; None where its arguments are no JSON object."""
    try:
        arguments = read_json(call.arguments or "{}")
    except MalformedJSONError:
        return None
    return ToolCall(call.name, arguments) if isinstance(arguments, dict) else None


def _as_written(call: RequestedCall, form: CallFormat) -> str:
    return form.render([ToolCall(call.name, {})]).replace("{}", call.arguments, 1)
