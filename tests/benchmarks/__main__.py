"""`make bench`: measure anew and store the cells that the README's tables are made from."""

from __future__ import annotations

from rich.console import Console

from tests.benchmarks import baselines, environment
from tests.cells import run_cell


def main() -> None:
    """Run every benchmark."""
    for name, measure in (("bench-environment", environment.measure), ("bench-baselines", baselines.measure)):
        cell = run_cell(name, 0, "make bench", measure, again=True)
        Console().print_json(data=dict(cell.figures))


if __name__ == "__main__":
    main()
