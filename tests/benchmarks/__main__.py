"""`make bench`: measure anew and store the cells that the README's tables are made from.

`python -m tests.benchmarks NAME ...` measures only what is named.
"""

from __future__ import annotations

import sys

from rich.console import Console

from tests.benchmarks import (
    agilerl,
    baselines,
    cards,
    curves,
    environment,
    feedback,
    peers,
    ray,
    sb3,
    training,
    trivial,
    trust_region,
    vector,
)
from tests.cells import run_cell

ALL = (environment, peers, baselines, cards, vector, feedback, training, trust_region, sb3, curves, trivial, ray)
APART = (agilerl,)
"""Measured only by name: they need what is installed apart."""
KINDS = {kind.__name__.rpartition(".")[2]: kind for kind in (*ALL, *APART)}


def main(names: list[str]) -> None:
    """Run the benchmarks of these names, or every one that needs nothing else."""
    for name in names or [name for name, kind in KINDS.items() if kind not in APART]:
        command = f"python -m tests.benchmarks {name}"
        cell = run_cell(f"bench-{name}", 0, command, KINDS[name].measure, again=True)
        Console().print_json(data=dict(cell.figures))


if __name__ == "__main__":
    main(sys.argv[1:])
