"""``textenvs rescore``: what stored episodes are worth under another reward, without the model that wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from agents.cli.options import RewardOptions
from agents.cli.parse import parse


@dataclass(frozen=True)
class Options:
    """Replay stored episodes in their environment and take the rewards anew."""

    run: Annotated[Path, tyro.conf.Positional]
    """What `textenvs eval ... --out` or `textenvs train` wrote: the folder, or a .jsonl file of the former."""
    reward: RewardOptions = field(default_factory=RewardOptions)
    out: Path | None = None
    """Write the episodes with their new rewards to this .jsonl file, for `textenvs compare`."""


def run(args: Sequence[str]) -> int:
    """Rescore, and print before and after; return 1 if an episode does not replay."""
    options = parse(Options, args, "textenvs rescore")

    from rich.console import Console

    from agents.cli.console import print_scorecards
    from agents.cli.stored import read_stored
    from agents.evaluation.log import EvaluationLog
    from agents.evaluation.rescore import rescore
    from agents.evaluation.scorecard import Scorecard

    stored = read_stored(options.run)
    settings = {**stored.settings, **options.reward.settings()}
    again = rescore(stored.result, stored.suite.slices, settings)
    cards = {"as stored": Scorecard.of(stored.result), "rescored": Scorecard.of(again.result)}
    console = Console()
    print_scorecards(console, str(options.run), cards)
    if again.strayed:
        console.print(f"{len(again.strayed)} episodes do not replay: the environment is not the one that was played")
    if options.out is not None:
        log = EvaluationLog(options.out, {"rescored": str(options.run)})
        log.begin({"suite": stored.suite.name, "slices": stored.suite.as_dicts(), "settings": settings})
        log.add(0, again.result.episodes)
    return int(bool(again.strayed))
