"""``textenvs feedback``: collect what users do with answers, look at it, learn from it, and decide who serves."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from textenvs.errors import UsageError, check_known

COMMANDS: dict[str, str] = {
    "serve": "Take impressions and events over HTTP, until Ctrl-C.",
    "show": "Print volume, rates by policy version and what was refused, as JSON.",
    "export": "Write impressions and events as files.",
    "load": "Append old logs; an export can be loaded again.",
    "signals": "Write what can be trained on: sft, preference, unpaired and rewards.",
    "agreement": "Print how far annotators agree.",
    "estimate": "Estimate what a candidate policy is worth, before it is served.",
    "round": "Learn from feedback, compare with the policy that serves, and promote or not.",
    "rollback": "Have an earlier policy serve again.",
}
"""Every subcommand with its one line of help; `agents.cli.feedback.<name>` holds ``run(args) -> int``."""


def run(args: Sequence[str]) -> int:
    """Run a subcommand.

    Raises:
        UsageError: if none is named.
        UnknownNameError: if there is none of that name.
    """
    if args and args[0] in ("-h", "--help"):
        print(_help())
        raise SystemExit(0)
    if not args:
        raise UsageError(f"name what to do: {', '.join(COMMANDS)}. See: textenvs feedback --help")
    check_known("subcommand", args[0], COMMANDS, listing="textenvs feedback --help")
    return importlib.import_module(f"agents.cli.feedback.{args[0]}").run(args[1:])


def _help() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{summary}" for name, summary in COMMANDS.items()]
    return "\n".join(["usage: textenvs feedback COMMAND [options]", "", *lines])
