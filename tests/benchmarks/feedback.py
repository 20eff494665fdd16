"""The collector under load: one event a request over real sockets, each answered when it is durable.

Clients send at a steady rate, whether or not earlier answers have come (an open loop), so that a server that stalls is
charged for all whom it keeps waiting. Server and clients are two processes on the same machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tests.conftest import ROOT

RATE = 600
"""Events per second that are sent."""
SECONDS = 10.0
CONNECTIONS = 64
IMPRESSIONS = 200


@dataclass
class Load:
    """What the clients saw.

    Attributes:
        port: of the server.
        latencies: seconds from the moment at which an event was due to its acknowledgement.
        failed: answers that were no acknowledgement.
        seconds: from the first event that was due to the last answer.
    """

    port: int
    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0

    async def client(self, number: int, begin: float, due: range) -> None:
        """Send every event of one connection when it is due."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for n in due:
            moment = begin + n / RATE
            await asyncio.sleep(max(0.0, moment - time.perf_counter()))
            event = {"kind": "click", "id": f"e{n}", "time": time.time(), "impression_id": f"i{n % IMPRESSIONS}"}
            status = await post(reader, writer, "/v1/events", event)
            self.latencies.append(time.perf_counter() - moment)
            self.failed += status != 200
        writer.close()


async def post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, value: object) -> int:
    """Send one request over a connection that stays open, and return the status of the answer."""
    body = json.dumps(value).encode()
    fields = ("Host: localhost", "Content-Type: application/json", f"Content-Length: {len(body)}")
    writer.write("\r\n".join((f"POST {path} HTTP/1.1", *fields, "", "")).encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
    return int(answer.split(b" ", 2)[1])


async def load(port: int, seconds: float) -> Load:
    """Show some impressions, then send events at the rate."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = [{"role": "user", "content": "那上海呢?"}]
    shown = [{"text": text, "propensity": 0.5} for text in ("上海明天的天气怎么样?", "上海呢?")]
    impressions = [
        {"id": f"i{n}", "time": time.time(), "policy_version": "v1", "conversation": said, "candidates": shown}
        for n in range(IMPRESSIONS)
    ]
    assert await post(reader, writer, "/v1/impressions", impressions) == 200
    writer.close()
    result, total = Load(port), round(RATE * seconds)
    begin = time.perf_counter() + 0.2
    await asyncio.gather(*(result.client(n, begin, range(n, total, CONNECTIONS)) for n in range(CONNECTIONS)))
    result.seconds = time.perf_counter() - begin
    return result


def measure(seconds: float = SECONDS) -> Mapping[str, Any]:
    """Return events per second and the latency of acknowledgement in milliseconds, for SQLite."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [sys.executable, "-m", "agents.cli", "feedback", "serve", "--store", str(Path(folder) / "f.db")]
        server = subprocess.Popen([*command, "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            wait_for(port)
            result = asyncio.run(load(port, seconds))
        finally:
            server.terminate()
            server.wait(30)
    milliseconds = np.array(result.latencies) * 1000
    return {
        "sent_per_s": RATE,
        "acknowledged_per_s": round((len(milliseconds) - result.failed) / result.seconds),
        "failed": result.failed,
        "p50_ms": round(float(np.quantile(milliseconds, 0.5)), 1),
        "p99_ms": round(float(np.quantile(milliseconds, 0.99)), 1),
        "load_average": round(os.getloadavg()[0], 1),
    }


def wait_for(port: int) -> None:
    """Wait until something listens."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {port}")


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
