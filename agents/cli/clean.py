"""``textenvs clean``: set aside rows that would teach nothing, or the wrong thing, and say why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from agents.cli.parse import parse
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.rows.cleaning import CleaningReport


@dataclass(frozen=True)
class Against:
    """What a policy will be measured on: rows that answer its questions are set aside."""

    files: tuple[Path, ...] = ()
    """Files of test rows."""
    suites: tuple[str, ...] = ()
    """Suites whose items' opening questions are held out; `textenvs list suites` names them all."""


@dataclass(frozen=True)
class Options:
    """Check rows line by line, and write those that are worth learning from, the others with the reason beside them."""

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Files of rows: {"messages"}, {"prompt", "chosen", "rejected"} or {"prompt", "completion", "label"} a line."""
    out: Path
    """Folder for rows.jsonl (kept), dropped.jsonl and cleaning.json (how much was dropped, and why)."""
    near_duplicates: float = 0.9
    """Likeness (Jaccard, of character 5-grams) from which a row is a near-duplicate of an earlier one; 1 for never."""
    contradictions: Literal["all", "labels", "none"] = "all"
    """Which contradicting rows go where no majority decides: answers and labels (all), labels and pairs, or none."""
    languages: tuple[str, ...] = ()
    """Languages that stay, such as zh en; every one, if not given."""
    shortest_answer: int = 1
    """Characters that an answer has at least."""
    longest_answer: int | None = None
    """Characters that an answer has at most."""
    longest_row: int | None = None
    """Characters that all messages of a row have at most."""
    against: Against = field(default_factory=Against)
    overwrite: bool = False
    """Replace what the folder holds."""


def run(args: Sequence[str]) -> int:
    """Clean, and print what was dropped."""
    options = parse(Options, args, "textenvs clean")
    if not options.files:
        raise UsageError("no files to clean: textenvs clean rows.jsonl --out cleaned")
    try:
        from agents.rows.cleaning import CleaningConfig, clean
    except ModuleNotFoundError as error:
        raise UsageError(f"cleaning needs {error.name}; install it: pip install 'textenvs[clean]'") from None
    from agents.rows.cleaning.run import REPORT

    if (options.out / REPORT).exists() and not options.overwrite:
        raise UsageError(f"{str(options.out)!r} holds cleaned rows already; choose another --out, or add --overwrite")
    config = CleaningConfig(
        near_duplicates=options.near_duplicates,
        contradictions=options.contradictions,
        languages=options.languages,
        shortest_answer=options.shortest_answer,
        longest_answer=options.longest_answer,
        longest_row=options.longest_row,
    )
    _print(clean(options.files, options.out, config, held_out(options.against)), options.out)
    return 0


def held_out(against: Against) -> Iterator[int]:
    """Yield the keys of the held-out questions, as `agents.rows.cleaning.Overlap` takes them.

    Raises:
        UnknownNameError: if there is no such suite.
        CorpusError: if there is no such file, or lines of it are malformed: what they ask cannot be held out.
    """
    from agents.evaluation.runner import find_suite
    from agents.rows.cleaning.entry import opening_key

    for path in against.files:
        yield from _openings(path)
    for name in against.suites:
        for one in find_suite(name).slices:
            env = one.make()
            for index in one.indices:
                observation, _ = env.reset(options={"index": index})
                yield opening_key(observation["history"])


def _openings(path: Path) -> Iterator[int]:
    """Yield the keys of the questions in a file of test rows."""
    from agents.rows.cleaning.entry import Entry
    from agents.rows.files import read_lines
    from textenvs.corpus_file import Problem, refuse

    problems: list[Problem] = []
    for line in read_lines(path):
        if line.row is None:
            problems.append(Problem(line.number, line.problem))
        else:
            yield from Entry(path, line.number, line.start, line.row).openings
    refuse(problems, path, "rows")


def _print(report: CleaningReport, folder: Path) -> None:
    from rich.console import Console

    from agents.cli.console import print_rows

    console = Console()
    rows = [(reason, f"{count:,}", report.examples[reason][0]) for reason, count in report.dropped.most_common()]
    print_rows(console, "Set aside", ("reason", "rows", "such as"), rows)
    kinds = ", ".join(f"{kind or 'no kind'} {count:,}" for kind, count in sorted(report.kinds.items()))
    of_which = f" ({kinds})" if kinds else ""
    console.print(f"{report.kept:,} of {report.read:,} rows kept{of_which}.", markup=False, highlight=False)
    if report.undecided:
        console.print(f"{report.undecided:,} rows are too short to tell their language; they stayed.", highlight=False)
    console.print(f"Kept and dropped rows, each with its reason: {folder}", markup=False, highlight=False)
