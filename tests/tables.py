"""Write the tables of both READMEs and of CONTRIBUTING.md from the stored measurements: `python -m tests.tables`.

A table stands between ``<!-- table:NAME -->`` and ``<!-- end -->``. With ``--check`` nothing is written, and the
exit status says whether they hold what the files say.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from statistics import fmean

from tests.benchmarks.tables import bench, curves, peers, sb3, training, trivial, trust_region, vector
from tests.cells import RESULTS, stored
from tests.choice_tables import choices, rewrite_choices
from tests.conftest import ROOT
from tests.learning_tables import dialogue, regret, toolcall
from tests.markdown import SIDES, find_row, interval, rows, source
from tests.peer_tables import agilerl, time_to_success
from tests.ray_tables import ray, ray_kills
from tests.reward_model_table import reward_model
from tests.rewrite_table import rewrite_zh
from tests.stage_tables import pipeline, rounds

READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
DOCUMENTS = {**{path: language for language, path in READMES.items()}, ROOT / "CONTRIBUTING.md": "en"}
"""What holds tables, and in which language."""

_MARK = re.compile(r"(<!-- table:(?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def feedback(language: str) -> str:
    """The collector of feedback under load."""
    cells = stored("bench-feedback")
    if not cells:
        return ""
    figures = cells[-1].figures
    header = {
        "en": ["events acknowledged per second", "failed", "median", "99th percentile"],
        "zh": ["每秒确认的事件数", "失败", "中位数", "第 99 百分位"],
    }[language]
    times = (f"{figures[key]:.0f} ms" for key in ("p50_ms", "p99_ms"))
    return rows(header, [[f"{figures['acknowledged_per_s']:,}", str(figures["failed"]), *times]]) + source(
        cells, language
    )


def baselines(language: str) -> str:
    """What scripted policies earn."""
    cells = stored("bench-baselines")
    if not cells:
        return ""
    figures = cells[-1].figures
    header = {
        "en": ["success, mean reward per turn (test)", "oracle", "random", "copy", "dump"],
        "zh": ["成功率,每轮平均奖励(测试集)", "oracle", "random", "copy", "dump"],
    }[language]
    body: list[list[str]] = []
    for level in ("tiny", "easy", "medium", "hard"):
        for spoken in ("zh", "en"):
            pairs = [figures[f"{level}.{spoken}.{name}"] for name in header[1:]]
            body.append(
                [f"`{level}`, {spoken}", *(f"{100 * success:.0f} %, {reward:.2f}" for success, reward in pairs)]
            )
    return rows(header, body) + source(cells, language)


def quickstart(language: str) -> str:
    """Before and after the demo, seed by seed."""
    cells = stored("quickstart")
    if not cells:
        return ""
    header = {
        "en": ["seed", "success before", "success after", "paired difference", "wall time", "peak memory"],
        "zh": ["种子", "训练前成功率", "训练后成功率", "配对差", "用时", "峰值内存"],
    }[language]
    body: list[list[str]] = []
    for cell in cells:
        row = find_row(cell.figures["tables"][0], "success")
        sides = [interval(row[side], 100) for side in SIDES]
        body.append([str(cell.seed), *sides, f"{cell.seconds:.0f} s", f"{cell.figures['peak_memory_mb']:,} MB"])
    return rows(header, body) + source(cells, language)


def contest(language: str) -> str:
    """Every algorithm from the same start, after equal time."""
    names = sorted({path.stem.rpartition("-")[0] for path in RESULTS.glob("contest-*.json")})
    if not names:
        return ""
    header = {
        "en": ["algorithm", "updates", "seconds", "success before", "success after", "difference (each seed)"],
        "zh": ["算法", "更新次数", "秒", "训练前成功率", "训练后成功率", "差值(各种子)"],
    }[language]
    body: list[tuple[float, list[str]]] = []
    for name in names:
        cells = stored(name)
        rows_of = [find_row(cell.figures["tables"][0], "success") for cell in cells]
        before, after, gain = ([100 * row[side]["estimate"] for row in rows_of] for side in SIDES)
        updates = ", ".join(str(cell.figures["updates"]) for cell in cells)
        each = f"{fmean(gain):+.1f} ({', '.join(f'{value:+.1f}' for value in gain)})"
        label = name.removeprefix("contest-")
        seconds = f"{fmean(cell.figures['seconds'] for cell in cells):.0f}"
        body.append((fmean(gain), [label, updates, seconds, f"{fmean(before):.1f}", f"{fmean(after):.1f}", each]))
    body.sort(key=lambda row: -row[0])
    everything = [cell for name in names for cell in stored(name)]
    return rows(header, [row for _, row in body]) + source(everything, language, "make proof")


def probes(language: str) -> str:
    """How every algorithm fared on the probes: how often each was solved, and the updates of the slowest seed."""
    names = sorted({path.stem.rpartition("-")[0] for path in RESULTS.glob("probes-*.json")})
    if not names:
        return ""
    first = stored(names[0])[0].figures
    allowed = [f"`{probe}` (≤ {attempt['allowed']})" for probe, attempt in first.items()]
    header = {
        "en": ["algorithm", "probes solved", "seeds", *allowed, "episodes", "processor time", "wall time"],
        "zh": ["算法", "解出的探针", "种子数", *allowed, "回合数", "处理器时间", "用时"],
    }[language]
    body = [_probed(name) for name in names]
    everything = [cell for name in names for cell in stored(name)]
    return rows(header, body) + source(everything, language, "make proof")


def _probed(name: str) -> list[str]:
    """Return one algorithm's row: episodes and times are a seed's means, over all probes."""
    cells = stored(name)
    attempts = [attempt for cell in cells for attempt in cell.figures.values()]
    each: list[str] = []
    for probe in cells[0].figures:
        tries = [cell.figures[probe] for cell in cells]
        solved = sum(attempt["solved"] for attempt in tries)
        each.append(f"{solved}/{len(tries)}, {max(attempt['updates'] for attempt in tries)}")
    episodes, processor, wall = (
        sum(attempt[key] for attempt in attempts) / len(cells) for key in ("episodes", "cpu_s", "wall_s")
    )
    solved = f"{sum(attempt['solved'] for attempt in attempts)}/{len(attempts)}"
    label = name.removeprefix("probes-")
    return [f"`{label}`", solved, str(len(cells)), *each, f"{episodes:,.0f}", f"{processor:.0f} s", f"{wall:.0f} s"]


def mutations(language: str) -> str:
    """Every named bug, and the tests that go red for it; from the table that the tests themselves run."""
    from tests.agents.mutations.table import MUTATIONS

    body: list[list[str]] = []
    for mutation in MUTATIONS:
        learned = ", ".join(f"`{probe}` by `{algorithm}`" for probe, algorithm in mutation.probes)
        body.append([mutation.name, mutation.what, ", ".join(f"`{check}`" for check in mutation.checks), learned])
    return rows(["bug", "what it does", "oracles and invariants that go red", "probes that go red"], body)


def plan(language: str) -> str:
    """What `textenvs plan` predicts of tiny models, beside what they take."""
    cells = stored("plan")
    if not cells:
        return ""
    header = {
        "en": ["tiny model", "rollout predicted", "measured", "update predicted", "measured"],
        "zh": ["微型模型", "采样预测", "实测", "更新预测", "实测"],
    }[language]
    body = [
        [name, *(f"{seconds:.3f} s" for pair in (row["rollout"], row["update"]) for seconds in pair)]
        for name, row in cells[-1].figures.items()
    ]
    return rows(header, body) + source(cells, language)


TABLES: Mapping[str, Callable[[str], str]] = {
    "bench": bench,
    "vector": vector,
    "trivial": trivial,
    "training": training,
    "agilerl": agilerl,
    "time-to-success": time_to_success,
    "ray": ray,
    "ray-kills": ray_kills,
    "sb3": sb3,
    "curves": curves,
    "peers": peers,
    "feedback": feedback,
    "baselines": baselines,
    "quickstart": quickstart,
    "rewrite-zh": rewrite_zh,
    "contest": contest,
    "trust-region": trust_region,
    "probes": probes,
    "mutations": mutations,
    "choices": choices,
    "rewrite-choices": rewrite_choices,
    "toolcall": toolcall,
    "dialogue": dialogue,
    "regret": regret,
    "reward-model": reward_model,
    "plan": plan,
    "rounds": rounds,
    "pipeline": pipeline,
}


def render(text: str, language: str) -> str:
    """Return a README with its tables made anew.

    Raises:
        ValueError: if there is no table of a name that stands in a mark.
    """

    def table(match: re.Match[str]) -> str:
        if match["name"] not in TABLES:
            raise ValueError(f"no table {match['name']!r}; there are: {', '.join(sorted(TABLES))}")
        return match[1] + TABLES[match["name"]](language) + match[3]

    return _MARK.sub(table, text)


def main() -> int:
    """Write the tables, or check them."""
    stale = []
    for path, language in DOCUMENTS.items():
        text = path.read_text(encoding="utf-8")
        made = render(text, language)
        if made != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(made, encoding="utf-8")
    print("changed: " + ", ".join(stale) if stale else "the tables are up to date")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
