"""Tables in the terminal can be read at its usual width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from agents.cli.console import print_scores
from agents.evaluation.statistics import Interval

SCORE = Interval(0.25, 0.2, 0.3, 10)


def printed(policies: int, measures: int) -> list[str]:
    """Return the lines in which so many policies' scores are shown, 80 characters wide."""
    console = Console(file=io.StringIO(), width=80)
    scores = {f"parts/task/measure_{number}": SCORE for number in range(measures)}
    print_scores(console, "Baselines", {f"policy_{number}": scores for number in range(policies)})
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("policies", "measures"), [(3, 20), (6, 2), (1, 1), (4, 4)])
def test_whichever_are_more_go_down(policies: int, measures: int) -> None:
    lines = printed(policies, measures)
    down = (
        [f"task/measure_{n}" for n in range(measures)]
        if measures > policies
        else [f"policy_{n}" for n in range(policies)]
    )
    for name in down:
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert line.split()[1:] == ["0.25"] * min(policies, measures)
