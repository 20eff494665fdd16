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
    """What `textenvs eval ... --out` wrote: the folder, or one of its .jsonl files."""
    reward: RewardOptions = field(default_factory=RewardOptions)
    out: Path | None = None
    """Write the episodes with their new rewards to this .jsonl file, for `textenvs compare`."""


def run(args: Sequence[str]) -> int:
    """Rescore, and print before and after; return 1 if an episode does not replay."""
    options = parse(Options, args, "textenvs rescore")

    from rich.console import Console

    from agents.cli.console import print_scorecards
    from agents.evaluation.log import EvaluationLog, read_log
    from agents.evaluation.rescore import rescore
    from agents.evaluation.scorecard import Scorecard
    from envs_registry.suites import Slice

    facts, before = read_log(options.run)
    slices = [Slice.from_dict(one) for one in facts["slices"]]
    settings = {**facts["settings"], **options.reward.settings()}
    again = rescore(before, slices, settings)
    cards = {"as stored": Scorecard.of(before), "rescored": Scorecard.of(again.result)}
    console = Console()
    print_scorecards(console, str(options.run), cards)
    if again.strayed:
        console.print(f"{len(again.strayed)} episodes do not replay: the environment is not the one that was played")
    if options.out is not None:
        log = EvaluationLog(options.out)
        log.begin({**facts, "settings": settings, "rescored": str(options.run)})
        log.add(0, again.result.episodes)
    return int(bool(again.strayed))
