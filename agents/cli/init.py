"""``textenvs init env``: a project with an environment of one's own, which passes the check."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from agents.cli.parse import parse
from textenvs.errors import UsageError


@dataclass(frozen=True)
class Options:
    """Write a small project to start from: an environment, its tests and a pyproject.toml."""

    what: Annotated[Literal["env"], tyro.conf.Positional]
    """What to begin."""
    name: Annotated[str, tyro.conf.Positional]
    """Its name, such as my-env: lower-case words and digits, joined by hyphens."""
    into: Path = Path()
    """The folder in which the project's own folder is made."""


def run(args: Sequence[str]) -> int:
    """Write the files and say what to do next."""
    options = parse(Options, args, "textenvs init")
    names = _names(options.name)
    folder = options.into / options.name
    if folder.exists():
        raise UsageError(f"{str(folder)!r} is there already; choose another name, or --into another folder")
    for template, place in _files(names["package"]).items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_render(template, names), encoding="utf-8")
    print(f"Wrote {folder}. Next: cd {folder} && textenvs check {names['package']}:{names['title']}-v0")
    return 0


def _names(name: str) -> dict[str, str]:
    """Return the names of project, package and class.

    Raises:
        UsageError: if the name cannot be one of a package.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UsageError(f"{name!r} cannot name a project: take lower-case words and digits, such as my-env")
    words = name.split("-")
    return {"name": name, "package": "_".join(words), "title": "".join(map(str.capitalize, words))}


def _files(package: str) -> dict[str, str]:
    """Return where each template's file goes."""
    return {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "init.py": f"{package}/__init__.py",
        "env.py": f"{package}/env.py",
        "test_contract.py": "tests/test_contract.py",
    }


def _render(template: str, names: dict[str, str]) -> str:
    import jinja2

    loader = jinja2.PackageLoader("agents.cli", "scaffold")
    # What is written is Python and TOML, no HTML, and the names in it have been checked.
    environment = jinja2.Environment(loader=loader, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    return environment.get_template(f"{template}.j2").render(names)
