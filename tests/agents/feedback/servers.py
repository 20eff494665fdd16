"""Servers that the tests start: an application on a free port, and PostgreSQL from the system's own binaries."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx2
import pytest
import uvicorn
from starlette.types import ASGIApp

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
"""Where Debian keeps them; elsewhere they are on the path."""


@contextlib.contextmanager
def serving(app: ASGIApp) -> Iterator[httpx2.Client]:
    """Serve an application on a free port; yield a client of it."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
            assert thread.is_alive()
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@dataclass
class Postgres:
    """A server on a free port of the loopback address.

    Attributes:
        folder: of its data.
        port: it listens on.
        user: of the system that it runs as; None is the tests' own.
    """

    folder: Path
    port: int
    user: str | None
    _numbers: Iterator[int] = field(default_factory=count)

    def initialise(self) -> None:
        """Make the data folder."""
        self._do("initdb", "--no-sync", "--auth=trust", "--username=tests", "--encoding=UTF8", "-D", self.folder)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        # The system's memory outlives a server that crashes; only a loss of power would ask for the disk.
        settings = f"-h 127.0.0.1 -p {self.port} -c unix_socket_directories='' -c fsync=off"
        self._do("pg_ctl", "-w", "-D", self.folder, "-l", f"{self.folder}.log", "-o", settings, "start")

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        self._do("pg_ctl", "-D", self.folder, "-m", "immediate", "stop")

    def fresh_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"feedback{next(self._numbers)}"
        self._do("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "tests", name)
        return f"postgresql://tests@127.0.0.1:{self.port}/{name}"

    def _do(self, program: str, *arguments: object) -> None:
        as_user = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"] if self.user else []
        command = [*as_user, str(_binary(program)), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=self.folder.parent, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Yield a running server; skip the test where there can be none."""
    if _binary("initdb") is None:
        pytest.skip("PostgreSQL is not installed here (no initdb)")
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user and shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL does not run as root, and there is no setpriv to become another user")
    with tempfile.TemporaryDirectory(prefix="pg-") as place, socket.socket() as probe:
        if user:
            shutil.chown(place, user)
        probe.bind(("127.0.0.1", 0))
        server = Postgres(Path(place) / "data", probe.getsockname()[1], user)
        probe.close()
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _binary(name: str) -> Path | None:
    found = shutil.which(name, path=os.pathsep.join([*map(str, reversed(BINARIES)), os.environ.get("PATH", "")]))
    return Path(found) if found else None
