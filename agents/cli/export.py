"""``textenvs export``: an environment, or rows of one's own, for another training engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from agents.cli.options import EnvOptions, RewardOptions
from agents.cli.parse import parse
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.export.formats import Format
    from agents.export.write import Exported


@dataclass(frozen=True)
class Options:
    """Write rows, pairs, prompts and a reward hook in another engine's schemas."""

    to: Literal["trl", "ms-swift", "verl"]
    """Whose schemas."""
    out: Path
    """Folder for the files."""
    data: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction] = ()
    """Rows of your own instead of an environment's, as textenvs sft and preference read them; once for each file."""
    env: EnvOptions = field(default_factory=EnvOptions)
    reward: RewardOptions = field(default_factory=RewardOptions)
    episodes: int = 500
    """Of the environment's train split."""
    seed: int = 0
    """Of the items drawn."""


def run(args: Sequence[str]) -> int:
    """Export, and say what was written."""
    options = parse(Options, args, "textenvs export")
    if options.episodes < 1:
        raise UsageError(f"--episodes {options.episodes}: at least 1")

    from rich.console import Console

    from agents.export.formats import find_format

    engine = find_format(options.to)
    made = _rows(options, engine) if options.data else _environment(options, engine)
    console = Console()
    for name, count in made.counts.items():
        console.print(f"{made.folder / name}: {count:,} rows", highlight=False, soft_wrap=True)
    if not options.data:
        console.print(f"How to train with them: {made.folder / 'README.md'}", highlight=False, soft_wrap=True)
    return 0


def _environment(options: Options, engine: Format) -> Exported:
    from agents.export.states import states
    from agents.export.write import export_states

    settings = {**options.env.settings(), **options.reward.settings(), "split": "train"}
    return export_states(states(options.env.id, settings, options.episodes, options.seed), engine, options.out)


def _rows(options: Options, engine: Format) -> Exported:
    from agents.export.write import export_rows
    from agents.finetune.preference_rows import read_pairs
    from agents.finetune.preferences import PreferencePair
    from agents.rows.demonstration import Demonstration
    from agents.rows.files import RowFile, form_of, read_lines

    demonstrations: list[Demonstration] = []
    pairs: list[PreferencePair] = []
    for path in options.data:
        first = next((line.row for line in read_lines(path) if line.row is not None), {})
        if form_of(first) == "preference":
            pairs += read_pairs(path)
        else:
            demonstrations += RowFile(path)
    return export_rows(demonstrations, pairs, engine, options.out)
