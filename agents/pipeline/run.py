"""Running a plan: what has to be run, is; what is as it was, is skipped; what was stopped, goes on."""

from __future__ import annotations

import json
import resource
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from agents.pipeline.fingerprint import fingerprint, outputs
from agents.pipeline.plan import Plan, Stage
from textenvs.errors import CheckpointError

NOTES = ".pipeline"
"""Folder of what a pipeline notes for itself, in its own folder; no stage can have this name."""


class Decision(StrEnum):
    """What becomes of a stage."""

    SKIP = "skip"
    """It is done, and nothing that it depends on has changed."""
    RESUME = "resume"
    """It was begun with what it depends on now, and stopped."""
    RUN = "run"
    """It was never run, or something has changed."""
    WAIT = "wait"
    """It cannot be known before another stage has run."""


@dataclass(frozen=True)
class Entry:
    """What is known of one stage.

    Attributes:
        fingerprint: of what it was begun with.
        done: whether it ended well.
        outputs: hash of what it handed on; ``""`` before it is done.
        seconds: wall time of the call that ended it.
        processor_s: of the processes that this call ran in.
    """

    fingerprint: str
    done: bool = False
    outputs: str = ""
    seconds: float = 0.0
    processor_s: float = 0.0


@dataclass(frozen=True)
class Call:
    """One call of a command.

    Attributes:
        stage: to be run.
        settings: with every reference as a path.
        folder: for what it makes.
        resume: whether it goes on in that folder.
    """

    stage: Stage
    settings: Mapping[str, Any]
    folder: Path
    resume: bool


class Ledger:
    """The entries of a pipeline, on disk.

    Args:
        folder: of the pipeline.

    Raises:
        CheckpointError: if the file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NOTES / "ledger.json"
        self._entries: dict[str, Entry] = {}
        if self._path.is_file():
            try:
                stored = json.loads(self._path.read_text(encoding="utf-8"))
                self._entries = {name: Entry(**entry) for name, entry in stored["stages"].items()}
            except (ValueError, KeyError, TypeError) as error:
                raise CheckpointError(f"{self._path} is damaged: {error}; without it every stage runs again") from None

    def get(self, name: str) -> Entry | None:
        """Return what is known of a stage."""
        return self._entries.get(name)

    def put(self, name: str, entry: Entry) -> None:
        """Write what is known of a stage; the file is whole at every moment."""
        self._entries[name] = entry
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        stages = {name: asdict(entry) for name, entry in self._entries.items()}
        draft.write_text(json.dumps({"stages": stages}, indent=2) + "\n", encoding="utf-8")
        draft.replace(self._path)


def decide(plan: Plan, folder: Path) -> Iterator[tuple[Stage, Decision]]:
    """Yield what would become of every stage, running none.

    Args:
        plan: the pipeline.
        folder: of the pipeline.
    """
    ledger, known = Ledger(folder), dict[str, str]()
    for stage in plan.stages:
        if not all(name in known for name in stage.needs):
            yield stage, Decision.WAIT
            continue
        entry = ledger.get(stage.name)
        decision = _decision(entry, fingerprint(stage, known), folder / stage.name)
        if entry is not None and decision is Decision.SKIP:
            known[stage.name] = entry.outputs
        yield stage, decision


def run_plan(
    plan: Plan,
    folder: Path,
    call: Callable[[Call], None],
    tell: Callable[[Stage, Decision], None],
) -> None:
    """Run the stages, in order; see `Decision`.

    Args:
        plan: the pipeline.
        folder: for a folder of every stage, and the ledger; made if absent.
        call: runs one; raises if it fails, and the pipeline ends there.
        tell: is told of every stage before it is run, or skipped.
    """
    ledger, known = Ledger(folder), dict[str, str]()
    for stage in plan.stages:
        place = folder / stage.name
        now = fingerprint(stage, known)
        decision = _decision(ledger.get(stage.name), now, place)
        tell(stage, decision)
        if decision is not Decision.SKIP:
            if decision is Decision.RUN:
                shutil.rmtree(place, ignore_errors=True)
            ledger.put(stage.name, Entry(now))
            began, used = time.perf_counter(), _processor_s()
            call(Call(stage, stage.resolved(folder), place, resume=decision is Decision.RESUME))
            took = round(time.perf_counter() - began, 1), round(_processor_s() - used, 1)
            ledger.put(stage.name, Entry(now, True, outputs(place), *took))
        known[stage.name] = outputs(place)


def _processor_s() -> float:
    """Return what processes have used that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _decision(entry: Entry | None, now: str, place: Path) -> Decision:
    if entry is None or entry.fingerprint != now:
        return Decision.RUN
    if not entry.done:
        return Decision.RESUME if place.is_dir() else Decision.RUN
    return Decision.SKIP if place.is_dir() and outputs(place) == entry.outputs else Decision.RUN
