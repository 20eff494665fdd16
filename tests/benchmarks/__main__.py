"""`make bench`: measure anew and store the cells that the README's tables are made from."""

from __future__ import annotations

from rich.console import Console

from tests.benchmarks import baselines, environment, feedback, vector
from tests.cells import run_cell


def main() -> None:
    """Run every benchmark."""
    for kind in (environment, baselines, vector, feedback):
        name = f"bench-{kind.__name__.rpartition('.')[2]}"
        cell = run_cell(name, 0, "make bench", kind.measure, again=True)
        Console().print_json(data=dict(cell.figures))


if __name__ == "__main__":
    main()
