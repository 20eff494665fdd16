"""What the commands show: Rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from agents.evaluation import Comparison, Interval

StepProgress = Callable[[int, int, float], None]
PLAIN_LINES = 4
"""How many lines a whole stage prints where there is no terminal."""


@contextlib.contextmanager
def step_progress(console: Console, title: str) -> Iterator[StepProgress]:
    """Yield a function to call with (step, all steps, loss): a bar on a terminal, a line now and then elsewhere."""
    if not console.is_terminal:
        yield lambda step, total, loss: _plain(console, title, step, total, loss)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[loss]}"), console=console) as bar:
        task = bar.add_task(title, total=None, loss="")
        yield lambda step, total, loss: bar.update(task, completed=step, total=total, loss=_loss(loss))


def print_comparisons(console: Console, tables: Sequence[Comparison]) -> None:
    """Print the tables of a before/after evaluation."""
    for comparison in tables:
        table = Table("measure", title=Text(comparison.title), title_justify="left", title_style="bold")
        for heading in ("before", "after", "paired difference"):
            table.add_column(heading, justify="right")
        for row in comparison.rows:
            good = row.goal and row.difference.low > 0
            bad = row.goal and row.difference.high < 0
            change = Text(show(row.difference, row.percent, signed=True), "green" if good else "red" if bad else "")
            name = row.name.split("/")[-1] + (" %" if row.percent else "")
            table.add_row(Text(name), show(row.before, row.percent), show(row.after, row.percent), change)
        console.print(table)


def print_scores(console: Console, title: str, scores: Mapping[str, Mapping[str, Interval]]) -> None:
    """Print one row per policy, one column per score; scores that none has are left out."""
    columns = list(dict.fromkeys(name for row in scores.values() for name in row))
    table = Table("policy", title=title, title_justify="left", title_style="bold")
    for name in columns:
        table.add_column(name.split("/")[-1], justify="right")
    for policy, row in scores.items():
        table.add_row(Text(policy), *(_cell(row.get(name)) for name in columns))
    console.print(table)


def show(interval: Interval, percent: bool = False, signed: bool = False) -> str:
    """Return an interval as text, such as ``+21.5 [+18.0, +25.0]``."""
    scale, places = (100, 1) if percent else (1, 3)
    sign = "+" if signed else ""

    def number(value: float) -> str:
        return "–" if math.isnan(value) else f"{value * scale:{sign}.{places}f}"

    return f"{number(interval.estimate)} [{number(interval.low)}, {number(interval.high)}]"


def _cell(interval: Interval | None) -> str:
    return "–" if interval is None or math.isnan(interval.estimate) else f"{interval.estimate:.3f}"


def _plain(console: Console, title: str, step: int, total: int, loss: float) -> None:
    if step == total or step % max(1, total // PLAIN_LINES) == 0:
        console.print(f"{title}: step {step}/{total}  {_loss(loss)}", highlight=False)


def _loss(loss: float) -> str:
    return "" if math.isnan(loss) else f"loss {loss:.3f}"
