"""RemotePlayer: a player whose environment lives in a process of its own.

The two exchange pickled messages over the child's standard input and output. The child is a fresh interpreter that
imports textenvs and what makes the environment, and nothing of the program that started it: the program needs no
``if __name__ == "__main__"``, and torch stays out. It ends with its parent, however that ends: see `child`.
"""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
from typing import Any

from textenvs.errors import ConfigError, EnvironmentFaultError, UsageError
from textenvs.settlement import Info
from textenvs.vector.player import Played
from textenvs.vector.supply import MakeEnv
from textenvs.vector.workers import CLOSING_S

_PROGRAM = "import sys; sys.path[:] = {paths!r}; from textenvs.vector.child import main; main()"


class WorkerDiedError(EnvironmentFaultError):
    """The process of an environment ended in the middle of a job."""


def pack(make: MakeEnv, splits: bool) -> bytes:
    """Return what a child makes its environment from.

    Raises:
        ConfigError: if it cannot travel to another process.
    """
    advice = "give an id, or a function of a module that can be imported, with arguments that can be pickled"
    try:
        packed = pickle.dumps((make, splits))
    except Exception as error:
        raise ConfigError(f"{make!r} cannot travel to a worker process ({error}); {advice}") from error
    if b"__main__" in packed:
        raise ConfigError(f"{make!r} is defined in the program itself, which worker processes do not run; {advice}")
    return packed


class RemotePlayer:
    """Plays in another process. It is started by `open`, and again after it has died.

    Args:
        packed: see `pack`.
    """

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._process: subprocess.Popen[bytes] | None = None
        self._opened = self._killed = False

    def open(self) -> None:
        """Start the process, if there is none, and have it make its environment, if it has none."""
        if self._process is None:
            program = _PROGRAM.format(paths=[path or "." for path in sys.path])
            # A session of its own: Ctrl-C is for the parent, which closes its children.
            self._process = subprocess.Popen(  # noqa: S603 (our own program)
                [sys.executable, "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            if self._killed:
                self._process.kill()
            self._write(self._packed)
        if not self._opened:
            self._ask("open")
            self._opened = True

    def reset(self, seed: int | None, options: dict[str, Any] | None, progress: float | None) -> tuple[Any, Info]:
        """Begin an episode; see `player.begin`."""
        return self._ask("reset", seed, options, progress)

    def play(self, action: Any) -> Played:
        """Play one action."""
        return self._ask("play", action)

    def call(self, name: str, args: tuple[Any, ...]) -> Any:
        """Return the environment's attribute, or what it returns if it can be called."""
        return self._ask("call", name, args)

    def drop(self) -> None:
        """Have `open` make another environment: the child has given this one up."""
        self._opened = False

    def kill(self) -> None:
        """Kill the process: the call that waits for it raises."""
        self._killed = True
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Have the environment closed, and end the process."""
        if self._opened:
            with contextlib.suppress(EnvironmentFaultError, UsageError):
                self._ask("close")
        self._end()

    def _end(self) -> None:
        """End the process: kindly if it listens, and otherwise not."""
        process, self._process = self._process, None
        self._opened = False
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # it is gone, and with it what was left to be written
                    stream.close()
        try:
            process.wait(CLOSING_S / 2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _ask(self, method: str, *args: Any) -> Any:
        self._write(pickle.dumps((method, args)))
        process = self._process
        assert process is not None and process.stdout is not None  # noqa: S101, PT018 (open() has set both)
        try:
            kind, value = pickle.load(process.stdout)  # noqa: S301 (from our own child)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            raise self._died() from error
        if kind == "usage_error":
            raise UsageError(value)
        if kind == "error":
            raise EnvironmentFaultError(value)
        return value

    def _write(self, message: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise self._died()
        try:
            process.stdin.write(message)
            process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._died() from error

    def _died(self) -> WorkerDiedError:
        process = self._process
        self._end()
        code = process.returncode if process else None
        return WorkerDiedError(f"the worker process of an environment ended with status {code}")
