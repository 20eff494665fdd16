"""``textenvs pipeline``: the stages of fine-tuning as one graph, each skipped where nothing has changed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from agents.cli.parse import parse
from agents.cli.pipeline_stages import arguments, names_of, with_evaluations
from textenvs.errors import TextEnvsError, UsageError, check_known

if TYPE_CHECKING:
    from rich.console import Console

    from agents.pipeline import Decision, Plan, Stage
    from agents.pipeline.run import Call

SUFFIX = ".yaml"


@dataclass(frozen=True)
class Options:
    """Run the stages of a pipeline, and compare on the same suites what they have left behind.

    A stage is skipped when neither its settings nor its input files nor what it gets from others have changed. The same
    command goes on after it was killed, inside the stage that was under way.
    """

    plan: Annotated[str, tyro.conf.Positional]
    """A YAML file, or the name of a preset: tiny, qwen3-0.6b-lora, qwen3-8b-lora."""
    out: Path | None = None
    """Folder for the stages, their evaluations and the report; runs/<name of the plan>, if not given."""
    dry_run: bool = False
    """Say what would be run, skipped and resumed, and stop."""
    show: bool = False
    """Print the plan's file, to begin one of your own with, and stop."""


def run(args: Sequence[str]) -> int:
    """Run what has to be run, and report."""
    options = parse(Options, args, "textenvs pipeline")
    path = find_plan(options.plan)
    if options.show:
        print(path.read_text(encoding="utf-8"), end="")
        return 0

    from rich.console import Console

    from agents.pipeline import decide, read_plan, run_plan

    console = Console()
    plan = with_evaluations(read_plan(path, names_of))
    folder = options.out or Path("runs") / path.stem
    if options.dry_run:
        for stage, decision in decide(plan, folder):
            _tell(console, stage, decision)
        return 0
    run_plan(plan, folder, call_command, lambda stage, decision: _tell(console, stage, decision))
    _report(plan, folder, path, console)
    return 0


def find_plan(name: str) -> Path:
    """Return the file of a pipeline: of a preset, or a path.

    Raises:
        UnknownNameError: if it is neither.
    """
    folder = Path(str(resources.files("agents.pipeline").joinpath("presets")))
    presets = {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}
    if Path(name).is_file():
        return Path(name)
    check_known("pipeline (neither a file nor a preset)", name, presets, "textenvs pipeline --help")
    return presets[name]


def call_command(call: Call) -> None:
    """Run one stage in a process of its own, so that nothing of one stage reaches the next but its files.

    Raises:
        UsageError: if its settings are wrong; the stage has said how.
        TextEnvsError: if it failed.
    """
    done = subprocess.run([sys.executable, "-m", "agents.cli", *arguments(call)], check=False)  # noqa: S603 - ours
    if done.returncode:
        kind = UsageError if done.returncode == 2 else TextEnvsError
        raise kind(
            f"stage {call.stage.name!r} ended with {done.returncode}, as said above; the stages before it are kept, "
            "and the same command goes on here"
        )


def _tell(console: Console, stage: Stage, decision: Decision) -> None:
    console.print(f"{decision:<7} {stage.name}  ({' '.join(stage.command)})", markup=False, highlight=False)


def _report(plan: Plan, folder: Path, path: Path, console: Console) -> None:
    """Compare all stages on the same suites, on the console and as a page."""
    from agents.cli.console import print_rows, show
    from agents.pipeline.report import measure_stages
    from agents.report import write_report
    from agents.report.run_folder import CONFIG, EVALUATION, REPORT

    found = measure_stages(plan, folder)
    record = {"command": "pipeline", "plan": path.read_text(encoding="utf-8")}
    for name, content in ((CONFIG, record), (EVALUATION, found.as_dict())):
        (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    write_report(folder)
    for suite, scores in found.overviews.items():
        columns = ("stage", *next(iter(scores.values())))
        rows = [(stage, *(show(one, percent=True) for one in row.values())) for stage, row in scores.items()]
        print_rows(console, f"success % on {suite}", columns, rows)
    console.print(f"Report: {folder / REPORT}", markup=False, highlight=False)
