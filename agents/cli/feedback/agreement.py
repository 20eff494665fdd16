"""``textenvs feedback agreement``: how far annotators agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.cli.feedback.stores import Stored, open_store
from agents.cli.parse import parse


@dataclass(frozen=True, kw_only=True)
class Options(Stored):
    """Print how far annotators agree: Krippendorff's alpha of preferences and of every part that was scored."""

    queue: str = "default"
    """Name of the queue that they worked."""


def run(args: Sequence[str]) -> int:
    """Print a line for each thing that was asked."""
    options = parse(Options, args, "textenvs feedback agreement")
    with open_store(options.store) as store:
        from agents.cli.console import show
        from agents.feedback.labelling.agreement import agreement
        from agents.feedback.labelling.queue import LabelQueue

        found = agreement(LabelQueue(store, options.queue).interactions())
    for one in found:
        print(f"{one.name or 'whole':<15} {show(one.alpha)}   {one.units} judged by two or more of {one.annotators}")
    if not found:
        print("nothing was judged by two people yet")
    return 0
