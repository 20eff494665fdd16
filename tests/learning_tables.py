"""The tables of language models that learn tool calls and dialogues."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from tests.cells import Cell, stored
from tests.markdown import SIDES, change, find_row, interval, rows, source


def toolcall(language: str) -> str:
    """Before and after PPO and GRPO on tool calling, and PPO paid at the end only."""
    labels = {
        "en": {
            "ppo": "PPO",
            "grpo": "GRPO",
            "episode": "PPO, paid at the end only",
            "zh-ppo": "PPO in Chinese",
            "mixed-ppo": "PPO in both languages",
            "medium-ppo": "PPO at `medium`",
        },
        "zh": {
            "ppo": "PPO",
            "grpo": "GRPO",
            "episode": "PPO,只在结束时支付",
            "zh-ppo": "PPO,中文",
            "mixed-ppo": "PPO,中英混合",
            "medium-ppo": "PPO,`medium` 难度",
        },
    }[language]
    cells = [cell for name in labels for cell in stored(f"toolcall-{name}")]
    if not cells:
        return ""
    header = {
        "en": ["training, seed", "success %, greedy", "difference", "success %, sampled", "difference"],
        "zh": ["训练,种子", "成功率 %,贪心", "差值", "成功率 %,采样", "差值"],
    }[language]
    header += {
        "en": ["decision F1", "arguments right", "parameters invented", "processor seconds"],
        "zh": ["决策 F1", "参数正确", "虚构参数", "处理器秒数"],
    }[language]
    asked = {"en": {"": "", "medium": ", asked at `medium`"}, "zh": {"": "", "medium": ",在 `medium` 上测"}}[language]
    body: list[list[str]] = []
    for cell in cells:
        label = f"{labels[cell.name.removeprefix('toolcall-')]}, {cell.seed}"
        body += [[label + asked[place], *_tool_figures(cell, place)] for place in cell.figures["assessed"]]
    return rows(header, body) + source(cells, language, "make proof")


def _tool_figures(cell: Cell, place: str) -> list[str]:
    """Return the figures of one evaluation; nothing was sampled elsewhere than in the place of training."""
    figures = cell.figures
    tables = [table for table in figures["tables"] if table["place"] == place]
    shares = [text for table in tables for text in _gained(find_row(table, "success"), 100)]
    own = [_sides(figures["assessed"][place], name) for name in ("decision_f1", "arguments", "hallucinated")]
    return [*shares, *([""] * (4 - len(shares))), *own, f"{figures['training_cpu_s']:.0f}"]


def dialogue(language: str) -> str:
    """What PPO with each kind of credit loses to the exact optimum, before and after, with both banks of users."""
    cells = [cell for name in ("dialogue-token", "dialogue-turn") for cell in stored(name)]
    if not cells:
        return ""
    header = {
        "en": ["credit, seed", "return, held out", "difference", "completion %", "regret", "gap closed"],
        "zh": ["信用分配,种子", "回报,留出用户", "差值", "完成率 %", "遗憾", "缩小的差距"],
    }[language]
    header += {
        "en": ["training users: regret", "gap closed", "processor seconds"],
        "zh": ["训练用户库:遗憾", "缩小的差距", "处理器秒数"],
    }[language]
    return rows(header, [_dialogue_row(cell) for cell in cells]) + source(cells, language, "make proof")


def _dialogue_row(cell: Cell) -> list[str]:
    """Return one seed's figures: all of them with held-out users, the regret with those of training too."""
    own = cell.figures["tables"][0]
    gained = _gained(find_row(own, "return"), 1)
    regrets = [_closed(cell.figures["assessed"][place]) for place in ("", "training users")]
    label = f"{cell.name.removeprefix('dialogue-')}, {cell.seed}"
    completed = change(find_row(own, "success"), 100)
    return [label, *gained, completed, *regrets[0], *regrets[1], f"{cell.figures['training_cpu_s']:.0f}"]


def _closed(assessed: Mapping[str, Any]) -> list[str]:
    """Return the regret before and after, and the share of it that is gone."""
    before, after = (assessed[side]["greedy"]["regret"] for side in SIDES[:2])
    return [f"{before:.3f} → {after:.3f}", f"{100 * (1 - after / before):.0f} %"]


def regret(language: str) -> str:
    """Regret over training, per kind of credit, as the mean over seeds; the oracle's is 0."""
    cells = {name: stored(f"dialogue-{name}") for name in ("token", "turn")}
    curves = {name: [cell.figures["curve"] for cell in found] for name, found in cells.items() if found}
    if not curves:
        return ""
    updates = [f"{point['update']:.0f}" for point in next(iter(curves.values()))[0]]
    body = [
        [name, *(f"{fmean(point['regret'] for point in points):.3f}" for points in zip(*runs, strict=True))]
        for name, runs in curves.items()
    ]
    return rows([{"en": "regret after updates", "zh": "更新次数后的遗憾"}[language], *updates], body)


def _gained(row: Mapping[str, Any], scale: float) -> list[str]:
    """Return what a measure was and became, and its paired difference with the interval."""
    return [change(row, scale), interval(row["difference"], scale)]


def _sides(assessed: Mapping[str, Any], name: str) -> str:
    before, after = (assessed[side]["greedy"][name] for side in SIDES[:2])
    return f"{before:.3f} → {after:.3f}"
