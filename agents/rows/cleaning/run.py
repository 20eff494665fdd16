"""Cleaning files of rows, row by row: neither they nor what is remembered of them need fit into memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from agents.rows.cleaning.config import CleaningConfig
from agents.rows.cleaning.entry import Entry
from agents.rows.cleaning.near import NearDuplicate
from agents.rows.cleaning.report import CleaningReport
from agents.rows.cleaning.rules import Contradiction, Duplicate, Language, Length, Overlap, Rule
from agents.rows.files import Line, read_lines
from agents.rows.kinds import kind_of
from textenvs.corpus_file import find_file

ROWS, DROPPED, REPORT = "rows.jsonl", "dropped.jsonl", "cleaning.json"
"""The files that cleaning writes."""

MALFORMED = "malformed"


def clean(
    files: Sequence[str | Path],
    folder: Path,
    config: CleaningConfig | None = None,
    held_out: Iterable[int] = (),
) -> CleaningReport:
    """Write the rows that pass every rule, beside them those that do not with the reason, and a report.

    The rules are asked in this order, and the first that a row breaks is its reason: form, length, language,
    contradiction (by a majority of all rows), overlap with held-out items, duplicate, near-duplicate.

    Args:
        files: of rows, of any form.
        folder: for ``rows.jsonl``, ``dropped.jsonl`` and ``cleaning.json``; made if absent.
        config: None takes the defaults.
        held_out: keys of questions that a policy will be measured on; see `agents.rows.cleaning.entry.opening_key`.

    Raises:
        CorpusError: if a file does not exist.
    """
    config = config or CleaningConfig()
    paths = [find_file(file) for file in files]
    report = CleaningReport(config, tuple(map(str, paths)))
    rules = _rules(config, paths, held_out)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ROWS).open("w", encoding="utf-8") as kept, (folder / DROPPED).open("w", encoding="utf-8") as aside:
        for path, line in _lines(paths):
            report.read += 1
            _examine(path, line, rules, report, kept, aside)
    report.undecided = sum(rule.undecided for rule in rules if isinstance(rule, Language))
    (folder / REPORT).write_text(json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


def _rules(config: CleaningConfig, paths: Sequence[Path], held_out: Iterable[int]) -> list[Rule]:
    """Return the rules that are asked for, those that cost least first."""
    rules: list[Rule] = [Length(config)]
    if config.languages:
        rules.append(Language(config.languages))
    if config.contradictions != "none":
        entries = (Entry(path, line.number, line.start, line.row) for path, line in _lines(paths) if line.row)
        rules.append(Contradiction(entries, labels_only=config.contradictions == "labels"))
    rules += [Overlap(held_out), Duplicate()]
    if config.near_duplicates < 1:
        rules.append(NearDuplicate(config.near_duplicates))
    return rules


def _lines(paths: Sequence[Path]) -> Iterator[tuple[Path, Line]]:
    for path in paths:
        for line in read_lines(path):
            yield path, line


def _examine(
    path: Path, line: Line, rules: Sequence[Rule], report: CleaningReport, kept: TextIO, aside: TextIO
) -> None:
    """Keep one row, or set it aside."""
    if line.row is None:
        reason, detail, content = MALFORMED, line.problem, {"text": _text_at(path, line.start)}
    else:
        entry = Entry(path, line.number, line.start, line.row)
        reason, detail = next(((rule.reason, p) for rule in rules if (p := rule.problem(entry))), ("", ""))
        content = {"row": line.row}
        if not reason:
            _keep(entry, rules, report)
            _write(kept, line.row)
            return
    report.drop(reason, f"{path}:{line.number}", detail)
    _write(aside, {"file": str(path), "line": line.number, "reason": reason, "detail": detail, **content})


def _keep(entry: Entry, rules: Sequence[Rule], report: CleaningReport) -> None:
    for rule in rules:
        rule.keep(entry)
    report.kept += 1
    report.kinds[kind_of(entry.row)] += 1


def _text_at(path: Path, start: int) -> str:
    """Return a line that is no row; what is not UTF-8 in it is escaped."""
    with path.open("rb") as file:
        file.seek(start)
        return file.readline().decode("utf-8", "backslashreplace").rstrip("\r\n")


def _write(file: TextIO, value: Any) -> None:
    file.write(json.dumps(value, ensure_ascii=False) + "\n")
