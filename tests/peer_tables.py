"""The tables that set whole trainings beside other people's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.benchmarks.tables import describe
from tests.benchmarks.workloads import WORKLOADS
from tests.cells import stored
from tests.markdown import rows, source


def agilerl(language: str) -> str:
    """Rollout and update beside AgileRL."""
    cells = stored("bench-agilerl")
    if not cells:
        return ""
    figures = cells[-1].figures
    header = {
        "en": ["seconds: rollout + update, adapters", "textenvs", "AgileRL 2.58 GRPO", "faster than AgileRL"],
        "zh": ["秒:采样 + 更新,适配器", "textenvs", "AgileRL 2.58 GRPO", "比 AgileRL 快"],
    }[language]
    whole = {"en": "{:.1f}x, {:.1f}x, whole {:.1f}x", "zh": "{:.1f}x, {:.1f}x,合计 {:.1f}x"}[language]
    body = [
        [
            describe(WORKLOADS[name], language),
            *("{:.2f} + {:.2f}".format(*figures[f"{name}.{who}"]) for who in ("ours", "agilerl")),
            whole.format(*figures[f"{name}.agilerl_to_ours"]),
        ]
        for name in ("T1", "T2")
    ]
    return rows(header, body) + source(cells, language)


def time_to_success(language: str) -> str:
    """From the same start to the same held-out success, beside TRL."""
    cells = stored("time-to-success")
    if not cells:
        return ""
    goals: Mapping[str, Sequence[float | None]] = cells[0].figures["goals"]
    seed, cost = {
        "en": ("seed", "textenvs, TRL: seconds to {:.0%}"),
        "zh": ("种子", "textenvs、TRL 达到 {:.0%} 的秒数"),
    }[language]
    body = [[str(cell.seed), *(_raced(cell.figures["goals"][goal]) for goal in goals)] for cell in cells]
    header = [seed, *(cost.format(float(goal)) for goal in goals)]
    return rows(header, body) + source(cells, language, "python -m tests.proofs time-to-success")


def _raced(seconds: Sequence[float | None]) -> str:
    """Show both times, and ours as a share of theirs."""
    ours, theirs = seconds
    if ours is None or theirs is None:
        return ", ".join("-" if taken is None else f"{taken:.0f}" for taken in seconds)
    return f"{ours:.0f}, {theirs:.0f} ({ours / theirs:.2f}x)"
