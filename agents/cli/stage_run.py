"""What the commands of the offline stages share: how a run folder begins and how it ends."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.cli.resume import ABOUT_THE_RUN, RunOptions
from agents.cli.settings import as_tree
from agents.cli.sources import Sources
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class StageRun:
    """One run of a stage.

    Attributes:
        command: its name.
        folder: of the run.
        record: every setting, as JSON holds it.
        resumed: whether the run goes on.
        overwrite: whether it may replace another one.
    """

    command: str
    folder: Path
    record: Mapping[str, Any]
    resumed: bool
    overwrite: bool

    @classmethod
    def of(cls, command: str, options: RunOptions) -> StageRun:
        """Return the run that the options stand for.

        Raises:
            UsageError: if it has no folder.
        """
        if options.out is None:
            raise UsageError("--out is missing: give a folder for the run")
        resumed = options.resume is not None
        return cls(command, options.out, record_of(command, options), resumed, options.overwrite)

    def begin(self, seed: int) -> None:
        """Prepare the folder, unless the run goes on, and seed the global generators.

        Raises:
            UsageError: if the folder holds a run and may not be overwritten.
        """
        from agents.cli.experiment import prepare_folder
        from agents.report.run_folder import CONFIG
        from agents.trainer.checkpoint import whole_file, write_json
        from agents.trainer.generators import seed_generators

        if not self.resumed:
            prepare_folder(self.folder, self.overwrite)
            with whole_file(self.folder / CONFIG) as draft:
                write_json(draft, self.record)
        seed_generators(seed)

    @contextlib.contextmanager
    def resumable(self, console: Console) -> Iterator[None]:
        """Say how to go on where the block is interrupted."""
        try:
            yield
        except KeyboardInterrupt:
            place = shlex.quote(str(self.folder))
            console.print(f"Go on with: textenvs {self.command} --resume {place}", markup=False, highlight=False)
            raise

    def end(self, evaluation: Mapping[str, Any]) -> None:
        """Write what was done, by which a run is known to be finished, and the report.

        Args:
            evaluation: ``facts``, ``seconds`` and, where there are any, ``notes``.
        """
        from agents.report import write_report
        from agents.report.run_folder import EVALUATION
        from agents.trainer.checkpoint import whole_file, write_json

        with whole_file(self.folder / EVALUATION) as draft:
            write_json(draft, evaluation)
        write_report(self.folder)


def record_of(command: str, options: Sources) -> Mapping[str, Any]:
    """Return every setting as JSON holds it; ``--config`` reads it again."""
    tree = {name: value for name, value in as_tree(options).items() if name not in ABOUT_THE_RUN}
    return json.loads(json.dumps({"command": command, **tree}, default=str))


def print_record(command: str, options: Sources) -> int:
    """Print every setting; what ``--dry-run`` does."""
    print(json.dumps(record_of(command, options), indent=2, ensure_ascii=False))
    return 0
