"""A chat model behind a real endpoint as a policy: what it is shown, and what its answers become."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httpx2", reason="the extra textenvs[judge] is not installed")
pytest.importorskip("tenacity", reason="the extra textenvs[judge] is not installed")

from agents.policies.remote import RemotePolicy, action_text, chat_messages
from tests.textenvs.chat_client.server import ChatServer, chat_server, says
from textenvs.chat_client import Endpoint, Reply, RequestedCall, close_clients
from textenvs.core import Observation
from textenvs.envs.toolcall.env import ToolCall as ToolCallEnv
from textenvs.messages import Message, ToolCall
from textenvs.tools import CALL_FORMATS, call_format


def weather(city: str) -> int:
    """Tell the degrees.

    Args:
        city: where.
    """
    return len(city) * 3


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(lambda body: says("red")) as running:
        yield running
        close_clients()


def seen(*history: Message) -> Observation:
    return {"instruction": "Help.", "tools": (), "history": history}


@pytest.mark.parametrize("name", CALL_FORMATS)
def test_past_calls_and_results_are_those_of_the_protocol(name: str) -> None:
    form = call_format(name)
    action = form.render([ToolCall("f", {"x": "高"}), ToolCall("g", {})])
    history = (
        Message("user", "Hi"),
        Message("assistant", action),
        Message("tool", "1", "f", "call_1"),
        Message("tool", "2", "g", "call_2"),
        Message("assistant", "Done."),
    )
    messages = list(chat_messages(seen(*history), form))
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "tool", "assistant"]
    made = messages[2]["tool_calls"]
    assert [call["id"] for call in made] == ["call_1", "call_2"] == [m["tool_call_id"] for m in messages[3:5]]
    assert made[0]["function"] == {"name": "f", "arguments": '{"x": "高"}'}
    assert messages[-1] == {"role": "assistant", "content": "Done."}


def test_a_complaint_about_a_malformed_call_is_the_users() -> None:
    history = (Message("user", "Hi"), Message("assistant", "<tool_call>{"), Message("tool", "no JSON"))
    messages = list(chat_messages(seen(*history), call_format("hermes")))
    assert messages[1:] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "<tool_call>{"},
        {"role": "user", "content": "no JSON"},
    ]


@pytest.mark.parametrize("name", CALL_FORMATS)
def test_calls_become_actions_that_the_environment_reads(name: str) -> None:
    form = call_format(name)
    calls = (RequestedCall("f", '{"x": 1}'), RequestedCall("g", ""))
    assert form.parse(action_text(Reply("", calls), form)).calls == (ToolCall("f", {"x": 1}), ToolCall("g", {}))
    for arguments in ('{"x": ', "[1]", "word", '{"x": NaN}'):
        read = form.parse(action_text(Reply("", (RequestedCall("f", arguments),)), form))
        assert read.problem
        assert not read.calls
    assert form.parse(action_text(Reply("Fine."), form)).text == "Fine."


def test_a_tool_task_is_played_through_the_protocol(server: ChatServer, tmp_path: Path) -> None:
    row = {
        "messages": [{"role": "user", "content": "How warm is Rome?"}],
        "calls": [{"name": "weather", "arguments": {"city": "Rome"}}],
        "facts": ["12"],
        "split": "test",
    }
    path = tmp_path / "my.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, str], str]:
        last = body["messages"][-1]
        if last["role"] == "tool":
            return says(f"{last['content']} degrees.")
        call = {"id": "c9", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
        return says("I look.", tool_calls=[call])

    server.answer = answer
    env = ToolCallEnv(tools=[weather], tasks=path, split="test")
    observation, _ = env.reset(seed=1)
    asks = RemotePolicy(Endpoint(server.url, "m", retries=0))
    observation, *_ = env.step(asks(observation))
    assert env.step(asks(observation))[4]["success"] == 1.0
    assert server.requests[0]["tools"][0]["function"]["name"] == "weather"
