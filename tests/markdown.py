"""The form of the tables in the documents."""

from __future__ import annotations

from collections.abc import Sequence

from tests.cells import Cell


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
