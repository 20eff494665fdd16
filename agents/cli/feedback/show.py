"""``textenvs feedback show``: what a store holds, in figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from agents.cli.feedback.stores import Stored, open_store
from agents.cli.parse import parse


@dataclass(frozen=True, kw_only=True)
class Options(Stored):
    """Print volume, rates by policy version and what was refused, as JSON."""


def run(args: Sequence[str]) -> int:
    """Print the figures."""
    options = parse(Options, args, "textenvs feedback show")
    with open_store(options.store) as store:
        from agents.feedback.statistics import statistics

        print(json.dumps(asdict(statistics(store)), indent=1, ensure_ascii=False))
    return 0
