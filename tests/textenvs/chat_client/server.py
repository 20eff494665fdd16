"""A real chat endpoint on this machine: every answer is what the test makes of the request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[dict[str, Any]], "tuple[int, dict[str, str], str]"]
"""From the request's body to status, headers and body."""


def says(text: str | None, **more: Any) -> tuple[int, dict[str, str], str]:
    """An ordinary answer."""
    choice = {"message": {"role": "assistant", "content": text, **more}, "finish_reason": "stop"}
    return 200, {}, json.dumps({"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})


class ChatServer:
    """What was asked of a server, and what it answers.

    Attributes:
        url: base address.
        answer: may be changed at any time.
        requests: bodies so far.
        keys: Authorization headers so far.
        most_at_once: most requests that were open at a time.
    """

    def __init__(self, url: str, answer: Answer) -> None:
        self.url = url
        self.answer = answer
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.most_at_once = 0
        self.open = 0
        self.lock = threading.Lock()

    def take(self, body: dict[str, Any], key: str) -> tuple[int, dict[str, str], str]:
        with self.lock:
            self.requests.append(body)
            self.keys.append(key)
            self.open += 1
            self.most_at_once = max(self.most_at_once, self.open)
        try:
            return self.answer(body)
        finally:
            with self.lock:
                self.open -= 1


@contextmanager
def chat_server(answer: Answer) -> Iterator[ChatServer]:
    """Run a chat endpoint."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, headers, text = chat.take(body, self.headers.get("authorization", ""))
            if self.path != "/v1/chat/completions":
                status, headers, text = 404, {}, "no such path"
            data = text.encode("utf-8", "surrogatepass")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            drip = float(headers.get("x-drip", "0"))
            for place in range(0, len(data), 16 if drip else max(1, len(data))):
                self.wfile.write(data[place : place + (16 if drip else len(data))])
                self.wfile.flush()
                time.sleep(drip)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass  # a client that has given up

    server = Server(("127.0.0.1", 0), Handler)
    chat = ChatServer(f"http://127.0.0.1:{server.server_address[1]}/v1", answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield chat
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
