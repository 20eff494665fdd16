"""What the commands show: Rich on a terminal, plain text elsewhere."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from agents.report.sanitize import neutralize

if TYPE_CHECKING:
    from agents.doctor import Finding
    from agents.evaluation import Comparison, Interval
    from agents.evaluation.contrast import Contrast
    from agents.evaluation.scorecard import Scorecard
    from textenvs.checker import Finding as RuleFinding
    from textenvs.checker import Report, Rule

StepProgress = Callable[[int, int, float], None]
WIDEST = 2
"""Most parts of an evaluation whose figures are shown in full, side by side."""
IN_SHORT = ("episodes", "success %", "return", "turns", "seconds")
"""What is shown of each part where there are more."""
SMALLEST_P = 0.0001
"""Smallest probability that is shown as a number."""
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
        table = _table(comparison.title, "measure", ("before", "after", "paired difference"))
        for row in comparison.rows:
            style = _style(row.difference) if row.goal else ""
            name = _short(row.name) + (" %" if row.percent else "")
            change = Text(show(row.difference, row.percent, signed=True), style)
            table.add_row(Text(name), show(row.before, row.percent), show(row.after, row.percent), change)
        console.print(table)


def print_scores(console: Console, title: str, scores: Mapping[str, Mapping[str, Interval]]) -> None:
    """Print the scores of policies; what a policy has no score for is a dash.

    Whichever there are more of, policies or scores, go down the page.
    """
    names = list(dict.fromkeys(name for row in scores.values() for name in row))
    if len(names) > len(scores):
        table = _table(title, "measure", list(scores))
        for name in names:
            table.add_row(Text(_short(name)), *(_cell(row.get(name)) for row in scores.values()))
    else:
        table = _table(title, "policy", [_short(name) for name in names])
        for policy, row in scores.items():
            table.add_row(Text(policy), *(_cell(row.get(name)) for name in names))
    console.print(table)


def print_rows(console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text, the first column naming them; nothing where there are none."""
    if not rows:
        return
    table = _table(title, columns[0], columns[1:])
    for row in rows:
        table.add_row(*(Text(neutralize(cell)) for cell in row))
    console.print(table)


def print_scorecards(console: Console, title: str, cards: Mapping[str, Scorecard]) -> None:
    """Print every figure of an evaluation, a line for each part of it if there are more than two, and its curve."""
    full = cards if len(cards) <= WIDEST else {name: cards[name] for name in list(cards)[:1]}
    table = _table(title, "figure", list(full))
    rows = [figures(card) for card in full.values()]
    for name in dict.fromkeys(name for row in rows for name in row):
        table.add_row(Text(name), *(row.get(name, "–") for row in rows))
    console.print(table)
    if len(full) < len(cards):
        parts = _table("by part", "items", IN_SHORT)
        for name, card in cards.items():
            shown = figures(card)
            parts.add_row(Text(name), *(shown.get(column, "–") for column in IN_SHORT))
        console.print(parts)
    console.print(_curve(next(iter(cards.values()))))


def _curve(card: Scorecard) -> Table:
    table = _table("by turn", "turn", ("reached %", "reward", "invalid %"))
    for point in card.curve:
        reached = f"{100 * point.reached:.0f}"
        table.add_row(str(point.turn), reached, show(point.reward), show(point.invalid, percent=True))
    return table


def figures(card: Scorecard) -> dict[str, str]:
    """Return the figures of a scorecard as text, by name."""
    percents = {"success %": card.means["success"], **{f"{name} %": rate for name, rate in card.rates.items()}}
    plain = {_short(name): mean for name, mean in card.means.items() if name != "success"}
    return {
        "episodes": f"{card.episodes:,}",
        "success %": show(percents.pop("success %"), percent=True),
        "  bootstrap": show(card.bootstrap["success"], percent=True),
        **{f"{name} %": show(one, percent=True) for name, one in card.passes.items()},
        **{name: show(one) for name, one in plain.items()},
        "return, bootstrap": show(card.bootstrap["return"]),
        **{name: show(one, percent=True) for name, one in percents.items()},
        **({} if math.isnan(card.tokens.estimate) else {"tokens": show(card.tokens)}),
        "seconds": f"{card.seconds:.1f}",
    }


def print_contrasts(console: Console, title: str, rows: Sequence[Contrast], percent: bool = False) -> None:
    """Print two evaluations side by side, with the corrected test, and what can be concluded from each row."""
    table = _table(title, "items", ("n", "A", "B", "B - A, paired", "p", "p, Holm"))
    for row in rows:
        style = _style(row.difference) if row.conclusive else ""
        difference = Text(_stacked(row.difference, percent, signed=True), style)
        sides = (str(row.difference.n), _stacked(row.a, percent), _stacked(row.b, percent), difference)
        table.add_row(Text(row.name), *sides, _probability(row.p), _probability(row.corrected))
    console.print(table)
    for row in rows:
        console.print(Text(f"{row.name}: {row.verdict}"))


def _probability(p: float) -> str:
    return f"{p:.4f}" if p >= SMALLEST_P else f"<{SMALLEST_P}"


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print what the doctor found: one row per check, and what to do below those that need it."""
    table = Table("", "check", "found", box=SIMPLE_HEAD, padding=(0, 1))
    for finding in findings:
        style = {"ok": "green", "warning": "yellow", "fault": "red"}[finding.verdict]
        lines = [finding.figure, *([f"→ {finding.remedy}"] if finding.remedy else [])]
        table.add_row(Text(finding.verdict, style), Text(finding.check), Text("\n".join(lines)))
    console.print(table)


def print_rules(console: Console, rules: Sequence[Rule]) -> None:
    """Print the rules of the conformance kit, topic by topic."""
    table = Table("topic", "rule", "what has to hold", box=SIMPLE_HEAD, padding=(0, 1))
    for rule in rules:
        table.add_row(rule.topic, rule.name, Text(rule.sentence))
    console.print(table)


def print_report(console: Console, report: Report) -> None:
    """Print what an examination found: the rules that are broken or could not be looked at, and the count of all."""
    table = Table("", "rule", "found", box=SIMPLE_HEAD, padding=(0, 1))
    for finding in report.findings:
        if finding.status != "kept":
            table.add_row(*_finding_row(finding))
    if table.row_count:
        console.print(table)
    kept = sum(finding.status == "kept" for finding in report.findings)
    verdict = f"{report.name}: {kept} of {len(report.findings)} rules kept, {len(report.broken)} broken"
    console.print(Text(f"{verdict}, in {report.seconds:.1f} s", "green" if report.passed else "red"))


def _finding_row(finding: RuleFinding) -> tuple[Text, Text, Text]:
    broken = finding.status == "broken"
    lines = [neutralize(line) for line in finding.evidence]
    lines += [f"and {finding.count - len(lines)} more"] * (finding.count > len(lines))
    lines = [finding.rule.sentence, *lines, f"→ {finding.rule.remedy}"] if broken else lines
    style = "red" if broken else "yellow"
    return Text(finding.status.value, style), Text(finding.rule.name), Text("\n".join(lines))


def _table(title: str, first: str, others: Sequence[str]) -> Table:
    table = Table(first, title=Text(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1))
    table.columns[0].overflow = "fold"
    for heading in others:
        table.add_column(heading, justify="right")
    return table


def _style(difference: Interval) -> str:
    return "green" if difference.low > 0 else "red" if difference.high < 0 else ""


def show(interval: Interval, percent: bool = False, signed: bool = False) -> str:
    """Return an interval as text, such as ``+21.5 [+18.0, +25.0]``."""
    scale, places = (100, 1) if percent else (1, 2)
    sign = "+" if signed else ""

    def number(value: float) -> str:
        return "–" if math.isnan(value) else f"{value * scale:{sign}.{places}f}"

    return f"{number(interval.estimate)} [{number(interval.low)}, {number(interval.high)}]"


def _stacked(interval: Interval, percent: bool, signed: bool = False) -> str:
    """Return an interval as text, the range below the estimate, so that several stand side by side."""
    return show(interval, percent, signed).replace(" ", "\n", 1)


def _short(name: str) -> str:
    """Return a measure's name without saying that it is a part; the parts of a task keep the task's."""
    return name.removeprefix("parts/")


def _cell(interval: Interval | None) -> str:
    return "–" if interval is None or math.isnan(interval.estimate) else f"{interval.estimate:.2f}"


def _plain(console: Console, title: str, step: int, total: int, loss: float) -> None:
    if step == total or step % max(1, total // PLAIN_LINES) == 0:
        console.print(f"{title}: step {step}/{total}  {_loss(loss)}", highlight=False)


def _loss(loss: float) -> str:
    return "" if math.isnan(loss) else f"loss {loss:.3f}"
