"""Going on with a run that was stopped: the same settings, and the newest checkpoint that is whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from agents.cli.settings import settings_of
from agents.cli.sources import Sources, parse_settings
from textenvs.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from agents.cli.experiment import Experiment
    from agents.trainer.agent import Agent

ABOUT_THE_RUN = ("config", "set", "resume", "out", "overwrite", "dry_run")
"""Options that are no settings: they say where settings come from and what is done with them."""


@dataclass(frozen=True, kw_only=True)
class RunOptions(Sources):
    """What every command with a run folder takes; its options inherit from it."""

    out: Path | None = None
    """Run folder."""
    resume: Path | None = None
    """Run folder to go on with, from its newest whole checkpoint; its settings stay as they are."""
    overwrite: bool = False
    """Replace a run that the folder already holds."""
    dry_run: bool = False
    """Print the resolved settings as JSON and stop."""


R = TypeVar("R")
Options = TypeVar("Options", bound=RunOptions)


def parse_run(
    defaults: Options, shown: Collection[str], args: Sequence[str], prog: str, facts: Mapping[str, str]
) -> Options:
    """Parse the arguments of a command with a run folder; see `parse_settings`.

    To resume a run, the options are what it was started with, and the arguments may not differ.

    Raises:
        UsageError: if an option does not fit, or a resumed run was started with another.
    """
    options = parse_settings(defaults, shown, args, prog, facts)
    if options.resume is None:
        return options
    stored = parse_settings(defaults, shown, ["--config", str(check_run(options.resume))], prog, facts)
    given = parse_settings(stored, shown, args, prog, facts)
    refuse_changes(given, stored, ABOUT_THE_RUN)
    return dataclasses.replace(given, out=given.resume)


def check_run(run: Path) -> Path:
    """Return the file with the settings of a run that is not finished.

    Raises:
        UsageError: if the folder holds no run, or nothing is left to do.
    """
    from agents.report.run_folder import CONFIG, EVALUATION

    if not (run / CONFIG).is_file():
        raise UsageError(f"--resume {str(run)!r}: that is no run folder, it has no {CONFIG}")
    if (run / EVALUATION).is_file():
        raise UsageError(f"--resume {str(run)!r}: this run is finished; see it again: textenvs report {run}")
    return run / CONFIG


def refuse_changes(given: R, stored: R, ignored: Collection[str]) -> None:
    """Refuse settings that are not those a run was started with.

    Args:
        given: the settings asked for.
        stored: those of the run.
        ignored: names that are no settings.

    Raises:
        UsageError: naming every one that differs, with both values.
    """
    before = settings_of(stored)
    changed = [
        f"{name}: {_shown(setting.value)} (given) -> {_shown(before[name].value)} (stored)"
        for name, setting in settings_of(given).items()
        if name not in ignored and setting.value != before[name].value
    ]
    if changed:
        raise UsageError(
            f"a run goes on with the settings it was started with. Changed: {'; '.join(changed)}. "
            "Leave them out, or start a run of its own with another --out"
        )


def resume_agent(experiment: Experiment, device: str | None, console: Console) -> Agent | None:
    """Load the newest checkpoint of a run that is whole, and say which ones are not.

    Returns:
        The agent; None if the run was stopped before it had saved anything.

    Raises:
        CheckpointError: if there are checkpoints and none of them is whole.
    """
    from agents.report.run_folder import CHECKPOINT
    from agents.trainer.checkpoint import checkpoints, newest_good

    places = [*checkpoints(experiment.folder / "checkpoints"), *_present(experiment.folder / CHECKPOINT)]
    place, damage = newest_good(places)
    for error in damage:
        console.print(f"Skipped a damaged checkpoint. {error}", style="yellow", markup=False, highlight=False)
    if place is None and damage:
        raise CheckpointError(f"no checkpoint in {experiment.folder} is whole; start again with --overwrite")
    if place is None:
        console.print("Nothing was saved yet: starting from the beginning.", highlight=False)
        return None
    console.print(f"Going on from {place}.", markup=False, highlight=False)
    return experiment.agent.load(
        place,
        experiment.env_id,
        env_kwargs=experiment.env_kwargs,
        run_dir=experiment.folder,
        workers=experiment.workers,
        step_timeout_s=experiment.step_timeout_s,
        deterministic=experiment.deterministic,
        engine=experiment.engine.open(),
        device=device,
    )


def _present(folder: Path) -> Sequence[Path]:
    return [folder] if folder.is_dir() else []


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
