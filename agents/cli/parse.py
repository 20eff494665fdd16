"""Arguments into dataclasses, by tyro; what the user mistypes becomes a `UsageError` of one line."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar

import tyro

from textenvs.errors import UnknownNameError, UsageError

T = TypeVar("T")


_REWARD = "--reward"


def spelled_out(args: Sequence[str]) -> list[str]:
    """Return the arguments with the short ways to name a reward written in full.

    ``--reward pkg.module:fn`` is ``--reward.fn pkg.module:fn``, and every ``--reward.weights.NAME W`` is an entry of
    the JSON object that ``--reward.weights`` takes.

    Raises:
        UsageError: if a weight is missing or is no number.
    """
    weights: dict[str, float] = {}
    rest: list[str] = []
    given = iter(args)
    for arg in given:
        flag, equals, value = arg.partition("=")
        if flag == _REWARD:
            rest += [f"{_REWARD}.fn{equals}{value}"]
        elif flag.startswith(f"{_REWARD}.weights."):
            weights[flag.removeprefix(f"{_REWARD}.weights.")] = _weight(flag, value if equals else next(given, ""))
        else:
            rest.append(arg)
    return [*rest, f"{_REWARD}.weights", json.dumps(weights)] if weights else rest


def _weight(flag: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"{flag} {value!r}: a weight is a number, as in {_REWARD}.weights.coreference 0.4") from None


def parse(options: type[T], args: Sequence[str], prog: str) -> T:
    """Parse the arguments of one command.

    Args:
        options: a dataclass; its docstrings are the help.
        args: what follows the command's name.
        prog: the command, for help and errors, such as ``"textenvs eval"``.

    Raises:
        UnknownNameError: for an option that does not exist.
        UsageError: for a value that does not fit, or one that is missing.
        SystemExit: after ``--help``, with code 0.
    """
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            parsed, unknown = tyro.cli(options, args=spelled_out(args), prog=prog, return_unknown_args=True)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UsageError(f"{_one_line(complaint.getvalue())} See: {prog} --help") from None
    if unknown:
        kind = "option" if unknown[0].startswith("-") else "argument"
        given = unknown[0].split("=")[0].replace("_", "-")
        raise UnknownNameError.of(kind, given, _flags(options, prog), listing=f"{prog} --help")
    return parsed


def _flags(options: type[Any], prog: str) -> list[str]:
    """Return the options that exist, as the help names them."""
    page = io.StringIO()
    with contextlib.redirect_stdout(page), contextlib.suppress(SystemExit):
        tyro.cli(options, args=["--help"], prog=prog)
    return list(dict.fromkeys(re.findall(r"(?<![\w-])--[a-z][\w.-]*", page.getvalue())))


def _one_line(box: str) -> str:
    """Return the message inside the box that tyro draws, without its frame and its pointers to the help."""
    lines = [re.sub(r"^[│|]\s?|\s*[│|]\s*$", "", line).strip() for line in box.splitlines()]
    lines = [line for line in lines if line and not re.match(r"^[╭╰]", line)]
    rule = next((i for i, line in enumerate(lines) if re.match(r"^─+$", line)), len(lines))
    return " ".join(lines[:rule]).rstrip(".") + "."
