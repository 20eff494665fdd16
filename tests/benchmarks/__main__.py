"""`make bench`: measure anew and store the cells that the README's tables are made from."""

from __future__ import annotations

from rich.console import Console

from tests.benchmarks import environment
from tests.cells import run_cell


def main() -> None:
    """Run every benchmark."""
    cell = run_cell("bench-environment", 0, "make bench", environment.measure, again=True)
    Console().print_json(data=dict(cell.figures))


if __name__ == "__main__":
    main()
