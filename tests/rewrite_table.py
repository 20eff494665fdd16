"""The table of PPO on real Chinese dialogues: a row for each measure, a column for each seed."""

from __future__ import annotations

from collections.abc import Sequence

from tests.cells import Cell, stored
from tests.markdown import change, interval, rows, source

MEASURES = ("return", "exact match", "restoration F1 (run)", "restoration F1 (pan)", "BLEU-4")
"""What of a corpus evaluation the README shows."""
MODES = {"en": {"greedy": "greedy", "sampled": "sampled"}, "zh": {"greedy": "贪心", "sampled": "采样"}}


def rewrite_zh(language: str) -> str:
    """Return the table: copying, then what each seed's warm-up reached and what PPO made of it."""
    cells = stored("rewrite-zh")
    if not cells:
        return ""
    header = {
        "en": ["measure", "copy", *(f"seed {cell.seed}: SFT → PPO, difference" for cell in cells)],
        "zh": ["指标", "照抄", *(f"种子 {cell.seed}:SFT → PPO,差值" for cell in cells)],
    }[language]
    body = [
        [f"{name}, {label}", _copied(cells[0], name), *(_learned(cell, mode, name) for cell in cells)]
        for mode, label in MODES[language].items()
        for name in MEASURES
    ]
    return rows(header, body) + _costs(cells, language) + source(cells, language)


def _copied(cell: Cell, name: str) -> str:
    """Return what copying the utterance earns on the rows that all seeds are judged by."""
    value: float = cell.figures["baselines"]["copy"][name]["estimate"]
    return f"{value:.3f}" if name == "return" else f"{100 * value:.1f}"


def _learned(cell: Cell, mode: str, name: str) -> str:
    """Return a measure before and after, and the difference; the titles of tables say how answers were drawn."""
    tables = [table for table in cell.figures["tables"] if table["title"].endswith(mode)]
    row = next(row for table in tables for row in table["rows"] if row["name"] == name)
    scale = 100 if row["percent"] else 1
    return f"{change(row, scale)}, {interval(row['difference'], scale)}"


def _costs(cells: Sequence[Cell], language: str) -> str:
    """Say how large the model was, and what each seed took of a processor core and of memory."""
    template = {
        "en": "seed {seed}: {parameters} parameters, {episodes} episodes, {minutes} min of one core ({warm} of "
        "them the warm-up), {memory} MB",
        "zh": "种子 {seed}:{parameters} 参数,{episodes} 个回合,单核 {minutes} 分钟(其中预热 {warm} 分钟),{memory} MB",
    }[language]
    each = [
        template.format(
            seed=cell.seed,
            parameters=cell.figures["facts"]["parameters"],
            episodes=cell.figures["facts"]["training episodes"],
            minutes=round(sum(cell.figures["cpu_s"].values()) / 60),
            warm=round(cell.figures["cpu_s"]["warm-up"] / 60),
            memory=f"{cell.figures['peak_memory_mb']:,}",
        )
        for cell in cells
    ]
    return "\n" + {"en": "; ", "zh": ";"}[language].join(each) + {"en": ".\n", "zh": "。\n"}[language]
