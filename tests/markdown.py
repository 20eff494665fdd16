"""The form of the tables in the documents, and of the figures in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.cells import Cell

SIDES = ("before", "after", "difference")
"""Of a stored measure: what it was, what it became, and the paired difference."""


def rows(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *body]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def source(cells: Sequence[Cell], language: str, command: str | None = None) -> str:
    """Say under a table how its figures came about; the command is that of the first cell, if not given."""
    commits = ", ".join(sorted({cell.commit for cell in cells}))
    machine, command = cells[0].machine, command or cells[0].command
    if language == "zh":
        return f"\n`{command}`;{machine};提交 {commits}。\n"
    return f"\n`{command}`; {machine}; commit {commits}.\n"


def find_row(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return one measure of a stored table."""
    return next(row for row in table["rows"] if row["name"] == name)


def interval(value: Mapping[str, float], scale: float) -> str:
    """Return ``estimate [low, high]``."""
    digits = 1 if scale == 100 else 3
    estimate, low, high = (scale * value[key] for key in ("estimate", "low", "high"))
    return f"{estimate:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def change(row: Mapping[str, Any], scale: float) -> str:
    """Return what a stored measure was and became, ``before → after``."""
    digits = 1 if scale == 100 else 3
    return " → ".join(f"{scale * row[side]['estimate']:.{digits}f}" for side in SIDES[:2])
