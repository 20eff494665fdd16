"""Witness: what `testimony.hear` runs in another process, as ``python -m textenvs.checker.witness``."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict
from typing import Any

from gymnasium.envs.registration import EnvSpec

from textenvs.checker.examination import Examination
from textenvs.checker.testimony import Testimony

HEAVY = frozenset({"torch", "tensorflow", "jax", "transformers", "datasets", "pandas", "vllm", "trl"})
"""Packages that take seconds to import and hundreds of megabytes, in every worker process."""

_NETWORK = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND


class Auditor:
    """Notes what happens to the world outside the process, as Python's audit events tell it.

    Attributes:
        connections: what was to be reached.
        written: files that were opened for writing.
        listening: whether it still does; a hook cannot be taken off.
    """

    def __init__(self) -> None:
        self.connections: list[str] = []
        self.written: list[str] = []
        self.listening = True

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Hear one event."""
        if not self.listening:
            return
        if event in _NETWORK:
            self.connections.append(f"{event} {arguments[1] if event == 'socket.connect' else arguments[0]}")
        elif event == "open" and isinstance(arguments[0], str) and _writes(*arguments[1:3]):
            self.written.append(arguments[0])


def _writes(mode: object, flags: object) -> bool:
    if isinstance(mode, str):
        return bool(set(mode) & set("wax+"))
    return isinstance(flags, int) and bool(flags & _WRITING)


def testify(spec: str, items: int) -> Testimony:
    """Make the environment under audit, then play it.

    Args:
        spec: the environment's specification as JSON.
        items: how many to play.
    """
    auditor = Auditor()
    sys.addaudithook(auditor)
    examination = Examination(EnvSpec.from_json(spec), items=items)
    examination.make()
    auditor.listening = False
    return Testimony(
        fingerprints=examination.fingerprints,
        connections=tuple(auditor.connections),
        written=tuple(path for path in auditor.written if path != os.devnull),
        heavy=tuple(sorted(HEAVY & sys.modules.keys())),
    )


def main() -> None:
    """Answer the question on standard input; what the environment prints goes to standard error."""
    question = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        testimony = testify(question["spec"], question["items"])
    json.dump(asdict(testimony), sys.stdout)


if __name__ == "__main__":
    main()
