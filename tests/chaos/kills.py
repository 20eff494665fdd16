"""Runs that are killed at a chosen moment: ``kill -9``, in a process of their own.

A moment is the n-th call of a function that stands for a kind of work. Children come from a fork server that has
imported everything once, so that a run costs what it does and not what its imports do.
"""

from __future__ import annotations

import functools
import importlib
import json
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents.trainer.checkpoint import MANIFEST

TIMES = {"rollout_s", "score_s", "update_s", "tokens_per_s", "seconds"}
"""What two equal runs may differ in."""

KINDS = {
    "sampling": "agents.rollout.decoding:draw",
    "update": "agents.trainer.gradient_step:GradientStep.take",
    "between minibatches": "agents.trainer.callbacks:CheckpointWriter.on_pause",
    "checkpoint write": "os:fsync",
}
"""The function whose calls are counted, for each kind of moment."""
PATIENCE = 300
"""Seconds that a child may take."""

Run = Callable[[Path, bool], Any]
"""Runs in a folder, from its beginning or resuming; a function that a child process can import."""

_CHILDREN = multiprocessing.get_context("forkserver")
_CHILDREN.set_forkserver_preload(["agents.cli.main", "agents", "tests.chaos.runs"])


@dataclass(frozen=True)
class Moment:
    """When a run is killed.

    Attributes:
        kind: one of `KINDS`.
        call: of that function, counted from 1; the process is killed after it, before anyone knows that it is done.
    """

    kind: str
    call: int


def count(run: Run, folder: Path) -> dict[str, int]:
    """Run to the end in another process and return how often each kind's function was called."""
    file = folder.with_suffix(".counts")
    _child(_counted, run, folder, file)
    return json.loads(file.read_text())


def killed(run: Run, folder: Path, moment: Moment, *, resume: bool = False) -> None:
    """Run in another process, which is killed at the moment."""
    _child(_doomed, run, folder, moment, resume, expect=-signal.SIGKILL)


def resumed(run: Run, folder: Path) -> None:
    """Go on to the end, in another process."""
    _child(run, folder, True)


def moments(counts: Mapping[str, int], per_kind: int, seed: int) -> list[Moment]:
    """Draw moments of every kind, uniformly over the run, no two alike."""
    generator = np.random.default_rng(seed)
    calls = {kind: 1 + generator.choice(counts[kind], size=per_kind, replace=False) for kind in KINDS}
    return [Moment(kind, int(call)) for kind in KINDS for call in calls[kind]]


def differences(folder: Path, whole: Path) -> list[str]:
    """Return in what two finished runs differ, times apart: metrics, evaluation, and every byte of the final agent."""
    compared = {name: read for name, read in READERS.items() if (whole / name).exists()}
    found = [name for name, read in compared.items() if read(folder / name) != read(whole / name)]
    ours, theirs = (_sums(place / "checkpoint") for place in (folder, whole))
    return found + sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def _lines(file: Path) -> list[dict[str, Any]]:
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


def _evaluation(file: Path) -> dict[str, Any]:
    found = json.loads(file.read_text(encoding="utf-8"))
    return {name: found[name] for name in ("tables", "baselines")}


def _sums(folder: Path) -> dict[str, str]:
    sums = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["sha256"]
    del sums["tokenizer_config.json"]  # transformers notes there that a tokenizer was loaded from a folder
    return sums


READERS: dict[str, Callable[[Path], Any]] = {
    "metrics.jsonl": _lines,
    "evaluation.json": _evaluation,
    "transcripts.jsonl": _lines,
}
"""How the files of a run folder are compared."""


def _child(target: Callable[..., Any], *arguments: Any, expect: int = 0) -> None:
    process = _CHILDREN.Process(target=target, args=arguments)
    process.start()
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
    assert process.exitcode == expect, f"{target.__name__}{arguments} ended with {process.exitcode}, not {expect}"


def _counted(run: Run, folder: Path, file: Path) -> None:
    counts: Counter[str] = Counter()
    for kind in KINDS:
        _after_calls(kind, lambda kind=kind: counts.update([kind]))
    run(folder, False)
    file.write_text(json.dumps(counts))


def _doomed(run: Run, folder: Path, moment: Moment, resume: bool) -> None:
    left = moment.call

    def strike() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    _after_calls(moment.kind, strike)
    run(folder, resume)


def _after_calls(kind: str, do: Callable[[], None]) -> None:
    """Have something done after every call of the kind's function, in this process."""
    module, _, path = KINDS[kind].partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for attribute in owners:
        owner = getattr(owner, attribute)
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        do()
        return result

    setattr(owner, name, wrapped)
