"""Write the tables of both READMEs from the stored measurements: `python -m tests.tables`.

A table stands between ``<!-- table:NAME -->`` and ``<!-- end -->``. With ``--check`` nothing is written, and the
exit status says whether the READMEs hold what the files say.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence

from tests.cells import Cell, stored
from tests.conftest import ROOT

READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
_MARK = re.compile(r"(<!-- table:(?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rows(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *body]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def source(cells: Sequence[Cell], language: str) -> str:
    """Say under a table how its figures came about."""
    commits = ", ".join(sorted({cell.commit for cell in cells}))
    machine, command = cells[0].machine, cells[0].command
    if language == "zh":
        return f"\n`{command}`;{machine};提交 {commits}。\n"
    return f"\n`{command}`; {machine}; commit {commits}.\n"


def bench(language: str) -> str:
    """Environment speed."""
    cells = stored("bench-environment")
    if not cells:
        return ""
    figures = cells[-1].figures
    names = {
        "en": {"four_parts": "four-part reward", "constant": "constant reward"},
        "zh": {"four_parts": "四项奖励", "constant": "常数奖励"},
    }[language]
    header = {
        "en": ["environment steps per second, one core", "`step`", "`step` and `reset`"],
        "zh": ["单核每秒环境步数", "`step`", "`step` 与 `reset`"],
    }[language]
    body = [
        [
            f"`{level}`, {names[reward]}",
            f"{figures[f'{level}.{reward}.step']:,}",
            f"{figures[f'{level}.{reward}.step_and_reset']:,}",
        ]
        for level in ("tiny", "medium")
        for reward in ("four_parts", "constant")
    ]
    return rows(header, body) + source(cells, language)


TABLES: Mapping[str, Callable[[str], str]] = {"bench": bench}


def render(text: str, language: str) -> str:
    """Return a README with its tables made anew."""

    def table(match: re.Match[str]) -> str:
        made = TABLES[match["name"]](language) if match["name"] in TABLES else ""
        return match[1] + made + match[3]

    return _MARK.sub(table, text)


def main() -> int:
    """Write the tables, or check them."""
    stale = []
    for language, path in READMES.items():
        text = path.read_text(encoding="utf-8")
        made = render(text, language)
        if made != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(made, encoding="utf-8")
    print("changed: " + ", ".join(stale) if stale else "the tables are up to date")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
