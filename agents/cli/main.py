"""The entry point: find the command, run it, and say a user's mistake in one line."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

COMMANDS: dict[str, str] = {
    "quickstart": "Train the embedded model on MultiTurnRewrite-v0 and show what it learned (minutes, no downloads).",
    "list": "List environments, algorithms, reward parts and baselines.",
    "show": "Show one environment: what it is, its settings, and an example episode.",
    "play": "Play an episode yourself, or watch a baseline play it.",
    "init": "Begin an environment of your own: textenvs init env my-env",
    "check": "Check that an environment, registered or your own, keeps the rules: textenvs check my_env:MyEnv",
    "train": "Train a policy: textenvs train ppo --env.id MultiTurnRewrite-v0 --model tiny --init sft",
    "algos": "List the algorithms; textenvs algos show ppo: its equations, settings and source.",
    "sft": "Fine-tune on rows of your own, or on an environment's demonstrations: textenvs sft --data rows.jsonl",
    "reward-model": "Train a reward model on preference pairs, and measure it on pairs kept back.",
    "preference": "Train a policy on preferences: DPO and its variants on pairs, KTO on thumbs.",
    "clean": "Set aside malformed, repeated, contradicting and held-out rows, each with its reason.",
    "mixture": "Show, or write, a mixture of kinds of rows that is balanced in every batch.",
    "pipeline": "Run the stages of fine-tuning as one resumable graph: textenvs pipeline pipeline.yaml",
    "eval": "Evaluate a policy on held-out items: textenvs eval oracle --suite rewrite-zh-test",
    "compare": "Compare two evaluations of the same items; says what can be concluded.",
    "rescore": "Give stored episodes the rewards of another reward function, without a model.",
    "doctor": "Check a model in an environment: rendering, sampler against trainer, determinism.",
    "feedback": "Collect what users do with answers, learn from it, and decide who serves: serve, round, rollback ...",
    "label": "Judge answers on a page, blind: textenvs label runs/rewrite --ask choose correct",
    "export": "Write rows, pairs, prompts and a reward hook for TRL, ms-swift or verl.",
    "plan": "Estimate memory, speed and placement on GPUs not at hand: textenvs plan --model Qwen3-8B --gpus 64",
    "report": "Write a run's report.html again.",
    "plot": "Draw figures for papers: textenvs plot runs/ppo-0 runs/ppo-1 runs/grpo-0 --out figure.pdf",
    "view": "Show runs in the browser while they go on: textenvs view runs",
}
"""Every command with its one line of help; `agents.cli.<name>` (with underscores) holds ``run(args) -> int``."""

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: the arguments after the program's name; None takes the process's own.

    Returns:
        0, 1 (a run failed), 2 (the user's mistake, said in one line) or 130 (interrupted).
    """
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or args[0] in ("-h", "--help", "help"):
        print(_help())
        return OK
    try:
        return _run_command(args[0], args[1:])
    except KeyboardInterrupt as interrupt:
        print(f"textenvs: {interrupt or 'interrupted'}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _run_command(name: str, args: Sequence[str]) -> int:
    """Import the command and run it; the help above must not wait for these imports."""
    from textenvs.errors import TextEnvsError, UsageError, check_known

    try:
        if name == "--version":
            return _print_version()
        check_known("command", name, COMMANDS, listing="textenvs --help")
        return importlib.import_module(f"agents.cli.{name.replace('-', '_')}").run(args)
    except TextEnvsError as error:
        _complain(error)
        return USAGE if isinstance(error, UsageError) else FAILED
    except BrokenPipeError:
        raise
    except OSError as error:  # a folder that is a file, a disk that is full: nothing that a traceback would explain
        place = "" if error.filename is None else f"{str(error.filename)!r}: "
        _complain(OSError(f"{place}{error.strerror or error}"))
        return FAILED


def _print_version() -> int:
    from textenvs import __version__

    print(f"textenvs {__version__}")
    return OK


def _complain(error: Exception) -> None:
    from agents.report.sanitize import neutralize

    print(f"textenvs: {neutralize(' '.join(str(error).split()))}", file=sys.stderr)


def _help() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            "textenvs: text environments for Gymnasium, and a token-level trainer for language models.",
            "",
            "Usage: textenvs COMMAND [options]        textenvs COMMAND --help",
            "",
            *lines,
        ]
    )
