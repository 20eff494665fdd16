"""``textenvs sft``: supervised fine-tuning on an environment's own demonstrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from agents.cli.environments import make_text_env
from agents.cli.models import ModelOptions, build_policy
from agents.cli.options import EnvOptions, SFTOptions, demonstrate, heard
from agents.cli.parse import parse
from textenvs.errors import UsageError


@dataclass(frozen=True)
class Options:
    """Fine-tune a model on what the environment's oracle does, and save it."""

    out: Path
    """Folder for the fine-tuned policy."""
    model: Annotated[ModelOptions, tyro.conf.arg(name="")] = field(default_factory=ModelOptions)
    env: EnvOptions = field(default_factory=EnvOptions)
    sft: SFTOptions = field(default_factory=SFTOptions)
    seed: int = 0
    """Of the demonstrations drawn, their order and fresh weights."""
    overwrite: bool = False
    """Replace what the folder already holds."""


def run(args: Sequence[str]) -> int:
    """Fine-tune and save."""
    options = parse(Options, args, "textenvs sft")
    if options.out.exists() and not options.overwrite:
        raise UsageError(f"{str(options.out)!r} is there already; choose another --out, or add --overwrite")
    make_text_env(options.env.id, options.env.settings())

    from rich.console import Console

    from agents.cli.experiment import warm_up

    console = Console()
    rows = demonstrate(options.env, options.sft, options.seed)
    policy = build_policy(options.model, rows, True, options.seed, heard(options.env, options.sft))
    warm_up(policy, rows, options.sft.config(options.seed), console)
    policy.save(options.out)
    console.print(f"Saved in {options.out}. Measure it: textenvs eval {options.out}", highlight=False)
    return 0
