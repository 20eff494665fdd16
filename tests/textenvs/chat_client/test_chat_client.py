"""The chat client against a real server: answers, limits, retries, cache, and everything that a server does wrong."""

from __future__ import annotations

import copy
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httpx2", reason="the extra textenvs[judge] is not installed")
pytest.importorskip("tenacity", reason="the extra textenvs[judge] is not installed")

from tests.conftest import ROOT
from tests.textenvs.chat_client.server import ChatServer, chat_server, says
from textenvs.chat_client import ChatClient, ChatRequest, Endpoint, RequestedCall, client_of, close_clients
from textenvs.errors import ConfigError, EndpointError

HELLO = ChatRequest([{"role": "user", "content": "Hello."}])


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(lambda body: says(body["messages"][-1]["content"].upper())) as running:
        yield running


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, which are not waited."""
    seconds: list[float] = []
    monkeypatch.setattr("textenvs.chat_client.transport.sleep", seconds.append)
    return seconds


def client(server: ChatServer, **settings: Any) -> ChatClient:
    return ChatClient(Endpoint(server.url, "m", **settings))


def test_an_answer(server: ChatServer) -> None:
    with client(server, prices=(2.0, 10.0)) as chat:
        request = ChatRequest(HELLO.messages, tools=[{"type": "function"}], temperature=0.5, max_tokens=9, seed=4)
        reply = chat.ask(request)
        assert (reply.text, reply.finish_reason, reply.calls) == ("HELLO.", "stop", ())
        assert server.requests[0] == {
            "model": "m",
            "messages": [{"role": "user", "content": "Hello."}],
            "temperature": 0.5,
            "max_tokens": 9,
            "seed": 4,
            "tools": [{"type": "function"}],
        }
        chat.ask(HELLO)
        assert "seed" not in server.requests[1]
        assert "tools" not in server.requests[1]
        assert (chat.usage.answers, chat.usage.prompt_tokens, chat.usage.completion_tokens) == (2, 14, 6)
        assert chat.usage.cost(chat.endpoint.prices) == pytest.approx((14 * 2 + 6 * 10) / 1e6)


def test_what_cannot_be_sent_is_replaced(server: ChatServer) -> None:
    with client(server) as chat:
        assert chat.ask(ChatRequest([{"role": "user", "content": "x\ud800高"}])).text == "X?高"


def test_what_an_answer_may_hold(server: ChatServer) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{"}}
    with client(server) as chat:
        server.answer = lambda _: says(None, tool_calls=[call])
        assert chat.ask(HELLO).calls == (RequestedCall("f", "{", "c1"),)
        server.answer = lambda _: says(None, content=[{"type": "text", "text": "a"}, {"type": "image"}, {"text": "b"}])
        assert chat.ask(HELLO).text == "ab"
        server.answer = lambda _: (200, {}, '{"choices": [{"message": {"content": "x\\ud800y \\ud83d\\ude00"}}]}')
        assert chat.ask(HELLO).text == "x\ufffdy \U0001f600"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "no chat completion"),
        ("<html>", "no chat completion"),
        ("[" * 100_000, "no chat completion"),
        ("[]", "no chat completion"),
        ('{"choices": []}', "no chat completion"),
        ('{"choices": [{"message": "hi"}]}', "no chat completion"),
        ('{"choices": [{"message": {"content": "a", "tool_calls": [1]}}]}', "names no function"),
    ],
)
def test_nonsense_is_an_error_and_not_asked_for_twice(server: ChatServer, body: str, words: str) -> None:
    server.answer = lambda _: (200, {}, body)
    with client(server) as chat, pytest.raises(EndpointError, match=words):
        chat.ask(HELLO)
    assert len(server.requests) == 1
    assert chat.usage.failures == 1


def test_what_may_pass_is_tried_again(server: ChatServer, waits: list[float]) -> None:
    answers = iter([(503, {}, "busy"), (429, {"retry-after": "7"}, "slow down"), says("at last")])
    server.answer = lambda _: next(answers)
    with client(server) as chat:
        assert chat.ask(HELLO).text == "at last"
    assert (chat.usage.retries, chat.usage.failures) == (2, 0)
    assert waits[0] < 2.0
    assert waits[1] >= 7.0


def test_attempts_and_waits_are_bounded(server: ChatServer, waits: list[float]) -> None:
    server.answer = lambda _: (429, {"retry-after": "99999"}, "go away")
    with client(server, retries=2) as chat, pytest.raises(EndpointError, match="status 429"):
        chat.ask(HELLO)
    assert len(server.requests) == 3
    assert waits == [30.0, 30.0]


@pytest.mark.parametrize(("status", "words"), [(400, "400"), (401, "key"), (404, "model"), (302, "302")])
def test_what_does_not_pass_is_not_tried_again(server: ChatServer, status: int, words: str) -> None:
    server.answer = lambda _: (status, {"location": "http://127.0.0.1:9/"}, "no")
    with client(server) as chat, pytest.raises(EndpointError, match=words):
        chat.ask(HELLO)
    assert len(server.requests) == 1


def test_a_silent_and_a_dripping_server_run_out_of_time(server: ChatServer) -> None:
    with client(server, timeout_s=0.2, retries=0) as chat:
        server.answer = lambda _: [time.sleep(1.0), says("late")][1]  # type: ignore[return-value]
        with pytest.raises(EndpointError, match=r"no answer within 0\.2 s"):
            chat.ask(HELLO)
        server.answer = lambda _: (200, {"x-drip": "0.05"}, says("drop by drop")[2])
        with pytest.raises(EndpointError, match=r"no complete answer within 0\.2 s"):
            chat.ask(HELLO)


def test_a_flood_is_cut_off(server: ChatServer) -> None:
    server.answer = lambda _: says("x" * (5 << 20))
    with client(server) as chat, pytest.raises(EndpointError, match="more than 4194304 bytes"):
        chat.ask(HELLO)


def test_many_at_a_time_but_not_too_many(server: ChatServer) -> None:
    def slow(body: dict[str, Any]) -> tuple[int, dict[str, str], str]:
        time.sleep(0.02)
        said = body["messages"][0]["content"]
        return (400, {}, "no") if said == "7" else says(said)

    server.answer = slow
    with client(server, concurrency=3) as chat:
        replies = chat.ask_all([ChatRequest([{"role": "user", "content": str(i)}]) for i in range(12)])
    assert server.most_at_once == 3
    assert isinstance(replies[7], EndpointError)
    assert [reply.text for reply in replies if not isinstance(reply, EndpointError)] == [
        str(i) for i in range(12) if i != 7
    ]
    assert (chat.usage.answers, chat.usage.failures) == (11, 1)


def test_the_limit_holds_for_threads_too(server: ChatServer) -> None:
    server.answer = lambda _: [time.sleep(0.05), says("a")][1]  # type: ignore[return-value]
    with client(server, concurrency=2) as chat:
        threads = [threading.Thread(target=chat.ask, args=(HELLO,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (server.most_at_once, chat.usage.answers) == (2, 6)


def test_the_cache_answers_what_was_asked_before(server: ChatServer, tmp_path: Path) -> None:
    kept = str(tmp_path / "answers.sqlite")
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    server.answer = lambda _: says("Grüße", tool_calls=[call])
    with client(server, cache=kept) as chat:
        first = chat.ask(HELLO)
    with client(server, cache=kept) as chat:
        assert chat.ask(HELLO) == first
        chat.ask(ChatRequest(HELLO.messages, seed=1))
        assert (chat.usage.answers, chat.usage.cached, chat.usage.prompt_tokens) == (2, 1, 7)
    assert len(server.requests) == 2
    server.answer = lambda _: (400, {}, "no")
    other = ChatRequest([{"role": "user", "content": "Bye."}])
    with client(server, cache=kept) as chat:
        for _ in range(2):
            with pytest.raises(EndpointError):
                chat.ask(other)  # a failure is not kept
    assert len(server.requests) == 4
    with sqlite3.connect(kept) as file:
        assert "Hello" not in str(file.execute("SELECT * FROM replies").fetchall())
    file.close()


def test_a_file_that_is_no_cache_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes, which nobody may overwrite " * 100, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"notes\.txt"):
        ChatClient(Endpoint("http://127.0.0.1:9/v1", "m", cache=str(path)))


def test_the_key_is_sent_and_never_shown(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_KEY", "s3cret")
    caplog.set_level("DEBUG")
    kept = tmp_path / "answers.sqlite"
    with client(server, key_variable="MY_KEY", cache=str(kept)) as chat:
        chat.ask(HELLO)
        assert server.keys == ["Bearer s3cret"]
        server.answer = lambda _: (401, {}, "wrong key: s3cret")
        with pytest.raises(EndpointError) as raised:
            chat.ask(ChatRequest([]))
    assert "MY_KEY" in str(raised.value)
    shown = f"{raised.value} {raised.value!r} {chat} {caplog.text}"
    assert "s3cret" not in shown
    assert "wrong key: ***" in str(raised.value)
    assert b"s3cret" not in kept.read_bytes() + pickle.dumps(chat.endpoint)


def test_no_key_is_sent_to_anybody_who_was_not_given_one(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    monkeypatch.delenv("TEXTENVS_API_KEY", raising=False)
    with client(server) as chat:
        chat.ask(HELLO)
    assert server.keys == [""]


def test_check_says_what_is_wrong_before_a_run(server: ChatServer) -> None:
    with client(server) as chat:
        chat.check()
    assert server.requests[0]["max_tokens"] == 1
    server.answer = lambda _: (404, {}, "model 'm' not found")
    with client(server) as chat, pytest.raises(EndpointError, match="'m' not found"):
        chat.check()
    with ChatClient(Endpoint("http://127.0.0.1:9/v1", "m")) as chat, pytest.raises(EndpointError) as raised:
        chat.check()
    assert "http://127.0.0.1:9/v1#m: it cannot be reached" in str(raised.value)


def test_endpoints_are_values() -> None:
    endpoint = Endpoint.of("http://127.0.0.1:9/v1/#my/model")
    assert (endpoint.url, endpoint.model) == ("http://127.0.0.1:9/v1", "my/model")
    assert Endpoint.of(endpoint) is endpoint
    again = copy.deepcopy(pickle.loads(pickle.dumps(endpoint)))  # noqa: S301 (our own)
    assert client_of(again) is client_of(endpoint)
    close_clients()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("localhost:8000#m", "address"),
        ("ftp://x/v1#m", "address"),
        ("http://x/v1", "which model"),
        ("http://me:pw@x/v1#m", "no secret"),
    ],
)
def test_what_is_no_endpoint_is_refused(address: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        Endpoint.of(address)
    assert "pw" not in str(raised.value)


def test_importing_the_client_imports_no_http_library() -> None:
    code = "import sys, textenvs.chat_client; assert not {'httpx2', 'tenacity', 'anyio'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
