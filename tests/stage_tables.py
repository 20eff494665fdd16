"""The tables of stages that follow each other: rounds of feedback, and a pipeline over all environments."""

from __future__ import annotations

from itertools import pairwise

from tests.cells import Cell, stored
from tests.markdown import SIDES, find_row, interval, rows, source

ROUTES = {
    "en": {"sft": "SFT on corrections", "dpo": "DPO on pairs", "kto": "KTO", "ppo": "reward model + PPO"},
    "zh": {"sft": "SFT(纠正)", "dpo": "DPO(成对)", "kto": "KTO", "ppo": "奖励模型 + PPO"},
}


def rounds(language: str) -> str:
    """True success before and after three rounds of feedback, by route."""
    cells = [(label, cell) for route, label in ROUTES[language].items() for cell in stored(f"rounds-{route}")]
    if not cells:
        return ""
    header = {
        "en": ["route, seed", "true success % before", "after three rounds", "paired difference", "promoted", "rows"],
        "zh": ["路线,种子", "真实成功率 %:之前", "三轮之后", "配对差", "上线的轮次", "训练行数"],
    }[language]
    body = [[f"{label}, {cell.seed}", *_sides(cell), *_each_round(cell)] for label, cell in cells]
    return rows(header, body) + source([cell for _, cell in cells], language, "make proof")


def pipeline(language: str) -> str:
    """Success after every stage of the tiny preset, in each environment."""
    cells = stored("pipeline")
    if not cells:
        return ""
    header = {
        "en": ["success %, seed", "after SFT", "+ DPO", "+ PPO", "DPO adds", "PPO adds"],
        "zh": ["成功率 %,种子", "SFT 之后", "+ DPO", "+ PPO", "DPO 带来的配对差", "PPO 带来的配对差"],
    }[language]
    body = [[f"{place}, {cell.seed}", *_stages(cell, place)] for cell in cells for place in _places(cell)]
    took = {
        "en": "seed {}: {:.1f} processor minutes, all evaluations included",
        "zh": "种子 {}:{:.1f} 处理器分钟,含全部评测",
    }[language]
    each = [took.format(cell.seed, sum(cell.figures["processor_s"].values()) / 60) for cell in cells]
    return rows(header, body) + "\n" + "; ".join(each) + ".\n" + source(cells, language)


def _sides(cell: Cell) -> list[str]:
    row = find_row(cell.figures["tables"][0], "success")
    return [interval(row[side], 100) for side in SIDES]


def _each_round(cell: Cell) -> list[str]:
    """Return which rounds were promoted, and how many rows each learned from."""
    found = cell.figures["rounds"]
    promoted = [str(number) for number, one in enumerate(found, 1) if one["promoted"]]
    return [", ".join(promoted) or "–", ", ".join(str(one["rows"]) for one in found)]


def _places(cell: Cell) -> list[str]:
    """Return what success is told of: all environments together, and each."""
    stages = next(iter(cell.figures["overviews"].values()))
    return list(next(iter(stages.values())))


def _stages(cell: Cell, place: str) -> list[str]:
    """Return the success after every stage, and the paired difference that each adds to the one before."""
    stages = next(iter(cell.figures["overviews"].values()))
    part = "" if place == "all" else f", {place}"
    titles = (f"{before} → {after}{part}" for before, after in pairwise(stages))
    tables = [next(t for t in cell.figures["tables"] if t["title"].endswith(f": {title}")) for title in titles]
    differences = [find_row(table, "success")["difference"] for table in tables]
    return [*(interval(scores[place], 100) for scores in stages.values()), *(interval(d, 100) for d in differences)]
