"""Testimony: what a fresh process saw of an environment, under another hash seed and an audit hook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

WITNESS = "textenvs.checker.witness"
"""The module that the other process runs: a question on its standard input, the answer on its standard output."""

HASH_SEED = "4242"

TIME_LIMIT_S = 120.0
"""Seconds that the other process may take."""


@dataclass(frozen=True, slots=True)
class Testimony:
    """What the other process saw.

    Attributes:
        fingerprints: of its episodes, item after item.
        connections: what it tried to reach while the environment was imported and made.
        written: the files that it opened for writing meanwhile.
        heavy: the packages that were imported by then and make a worker process slow and large.
    """

    fingerprints: tuple[str, ...]
    connections: tuple[str, ...]
    written: tuple[str, ...]
    heavy: tuple[str, ...]


def hear(spec: str, items: int) -> Testimony:
    """Have another process make and play an environment.

    Args:
        spec: the environment's specification as JSON.
        items: how many to play.

    Raises:
        RuntimeError: if the process fails; its last words are the message.
    """
    environment = {
        **os.environ,
        "PYTHONHASHSEED": HASH_SEED,
        "PYTHONPATH": os.pathsep.join([os.getcwd(), *filter(None, sys.path)]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    result = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", WITNESS],
        input=json.dumps({"spec": spec, "items": items}),
        capture_output=True,
        text=True,
        env=environment,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["without a word"])[-1]
        raise RuntimeError(f"another process could not make or play the environment: {last}")
    answer = json.loads(result.stdout)
    return Testimony(**{name: tuple(values) for name, values in answer.items()})
