"""The tables of the benchmarks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.environment import PLAYS
from tests.benchmarks.trivial import MOVES
from tests.benchmarks.workloads import WORKLOADS, Workload
from tests.cells import stored
from tests.markdown import rows, source


def bench(language: str) -> str:
    """Environment speed."""
    cells = stored("bench-environment")
    if not cells:
        return ""
    figures = cells[-1].figures
    rewards = {"en": {"own": "own reward", "constant": "constant"}, "zh": {"own": "自带奖励", "constant": "常数奖励"}}[
        language
    ]
    right = {"en": "right answers only", "zh": "只有正确回答"}[language]
    header = {
        "en": ["environment steps per second, one core", "`step`", "`step` and `reset`"],
        "zh": ["单核每秒环境步数", "`step`", "`step` 与 `reset`"],
    }[language]
    body = [
        [
            f"`{play.removesuffix('.right')}`, {f'{right}, ' * play.endswith('.right')}{name}",
            f"{figures[f'{play}.{reward}.step']:,}",
            f"{figures[f'{play}.{reward}.step_and_reset']:,}",
        ]
        for play in PLAYS
        for reward, name in rewards.items()
    ]
    return rows(header, body) + source(cells, language)


def vector(language: str) -> str:
    """A slow judge: a barrier, partial stepping, and acting before the judge has spoken."""
    cells = stored("bench-vector")
    if not cells:
        return ""
    figures = cells[-1].figures
    header = {
        "en": ["settled steps per second", "barrier", "`send`, `receive`", "`receive(early=True)`"],
        "zh": ["每秒结算的步数", "屏障", "`send`、`receive`", "`receive(early=True)`"],
    }[language]
    names = {
        "en": {"slow_environments": "2 of 16 always slow", "slow_turns": "each turn slow by chance"},
        "zh": {"slow_environments": "16 个中总有 2 个慢", "slow_turns": "每一轮随机变慢"},
    }[language]
    body = [
        [
            name,
            str(figures[f"{kind}.barrier"]),
            *(f"{figures[f'{kind}.{way}']} ({figures[f'{kind}.{way}_speedup']:.1f}x)" for way in ("partial", "early")),
        ]
        for kind, name in names.items()
    ]
    return rows(header, body) + source(cells, language)


def training(language: str) -> str:
    """Rollout and update beside the bare loop and TRL."""
    cells = stored("bench-training")
    if not cells:
        return ""
    figures = cells[-1].figures
    contenders = ["textenvs", "TRL 1.16 GRPO"]
    header = {
        "en": ["seconds: rollout + update", "bare loop", *contenders, "times the bare loop", "faster than TRL"],
        "zh": ["秒:采样 + 更新", "裸循环", *contenders, "裸循环的倍数", "比 TRL 快"],
    }[language]
    body: list[list[str]] = []
    for name, work in WORKLOADS.items():
        spent = ["{:.2f} + {:.2f}".format(*figures[f"{name}.{who}"]) for who in ("bare", "ours", "trl")]
        to_bare, to_trl = figures[f"{name}.ours_to_bare"], figures[f"{name}.trl_to_ours"]
        ratios = ["{:.2f}, {:.2f}, whole {:.2f}", "{:.1f}x, {:.1f}x, whole {:.1f}x"]
        if language == "zh":
            ratios = [form.replace(", whole", ",合计") for form in ratios]
        body.append([describe(work, language), *spent, ratios[0].format(*to_bare), ratios[1].format(*to_trl)])
    return rows(header, body) + source(cells, language)


def peers(language: str) -> str:
    """Environment speed beside other people's environments."""
    cells = stored("bench-peers")
    if not cells:
        return ""
    header = {
        "en": ["environment steps per second, one process", "`step`", "`step` and `reset`"],
        "zh": ["单进程每秒环境步数", "`step`", "`step` 与 `reset`"],
    }[language]
    body = [[name, *(f"{rate:,}" for rate in rates)] for name, rates in cells[-1].figures.items()]
    return rows(header, body) + source(cells, language)


def sb3(language: str) -> str:
    """The token view under stable-baselines3 beside the project's own PPO."""
    cells = stored("bench-sb3")
    if not cells:
        return ""
    figures = cells[-1].figures
    header = {
        "en": ["seconds for 1,024 tokens", "rollout", "update", "whole"],
        "zh": ["1,024 个 token 用时(秒)", "采样", "更新", "合计"],
    }[language]
    names = {"sb3": "stable-baselines3 2.9 PPO, `TokenPolicy`", "ours": "`agents.PPO`"}
    body = [
        [shown, *(f"{seconds:.2f}" for seconds in (*figures[name], sum(figures[name])))]
        for name, shown in names.items()
    ]
    body.append([{"en": "ratio", "zh": "倍数"}[language], *(f"{ratio:.1f}x" for ratio in figures["sb3_to_ours"])])
    return rows(header, body) + source(cells, language)


def trust_region(language: str) -> str:
    """What one update by TRPO costs beside one by PPO, with full weights and with adapters."""
    cells = stored("bench-trust_region")
    if not cells:
        return ""
    figures = cells[-1].figures
    sizes = list(dict.fromkeys(key.rpartition(".")[0].rpartition(".")[0] for key in figures))
    weights, cost = {"en": ("weights", "{}: one update"), "zh": ("权重", "{}:一次更新")}[language]
    header = [{"en": "algorithm", "zh": "算法"}[language], weights, *(cost.format(size) for size in sizes)]
    names = {
        "en": {"ppo": "PPO", "trpo": "TRPO", "trpo_sampled": "TRPO, `fisher_every=4`", "full": "all", "lora": "LoRA"},
        "zh": {"ppo": "PPO", "trpo": "TRPO", "trpo_sampled": "TRPO,`fisher_every=4`", "full": "全部", "lora": "LoRA"},
    }[language]
    entrants = [key.removeprefix(f"{sizes[0]}.") for key in figures if key.startswith(f"{sizes[0]}.")]
    body = [
        [
            *(names[part] for part in entrant.split(".")),
            *("{seconds:.2f} s, {memory_mb:,} MB".format(**figures[f"{size}.{entrant}"]) for size in sizes),
        ]
        for entrant in entrants
    ]
    return rows(header, body) + source(cells, language)


_AXES = {
    "turns": {"en": "turns", "zh": "轮数"},
    "group": {"en": "group", "zh": "组大小"},
    "context": {"en": "context", "zh": "上下文"},
    "vocabulary": {"en": "vocabulary", "zh": "词表"},
    "environments": {"en": "environments", "zh": "环境数"},
}


def curves(language: str) -> str:
    """What a written token costs as one thing grows."""
    cells = stored("bench-curves")
    if not cells:
        return ""
    header = {
        "en": ["milliseconds for a token written", "", "rollout", "update"],
        "zh": ["每生成一个 token 的毫秒数", "", "采样", "更新"],
    }[language]
    body = [
        [
            _AXES[axis][language],
            " / ".join(f"{int(value):,}" for value in points),
            *(" / ".join(_milliseconds(cost[part]) for cost in points.values()) for part in (0, 1)),
        ]
        for axis, points in cells[-1].figures.items()
    ]
    return rows(header, body) + source(cells, language)


def _milliseconds(cost: float) -> str:
    """Show two digits, or all before the point."""
    return f"{cost:.0f}" if cost >= 10 else f"{cost:.2g}"


def describe(work: Workload, language: str) -> str:
    """Describe a workload."""
    if language == "zh":
        read = f",每轮之间读 {work.read}" if work.read else ""
        return f"{work.groups} x {work.size} 个回合,{work.turns} 轮,提示 {work.prompt},每轮写 {work.written}{read}"
    turns = f"{work.turns} turns" if work.turns > 1 else "1 turn"
    read = f", {work.read} read" if work.read else ""
    return f"{work.groups} x {work.size} episodes, {turns}, prompt {work.prompt:,}, {work.written} written{read}"


def trivial(language: str) -> str:
    """What policies that know nothing succeed at in tool calling, beside what their move allows."""
    cells = stored("bench-trivial")
    if not cells:
        return ""
    header = {
        "en": ["success % (right move %)", "do nothing", "always ask", "first tool", "call everything", "echo"],
        "zh": ["成功率 %(该动作正确的比例 %)", "什么也不做", "总是询问", "第一个工具", "全部调用", "复述"],
    }[language]
    body: list[list[str]] = []
    for place, trial in cells[-1].figures.items():
        level, split = place.split(".")
        shares = [_shares(trial, name) for name in MOVES]
        body.append([f"`{level}`, {split}", *shares])
    return rows(header, body) + source(cells, language)


def _shares(trial: Mapping[str, Any], name: str) -> str:
    won, right = (100 * trial[what].get(name, 0) / trial["items"] for what in ("succeeded", "right"))
    return f"{won:.1f} ({right:.1f})"
