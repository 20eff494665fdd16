"""The tables of classic learners, which choose among named moves."""

from __future__ import annotations

from collections.abc import Sequence

from tests.cells import stored
from tests.markdown import rows, source


def choices(language: str) -> str:
    """What stable-baselines3 reaches on small dialogues, with and without the users that it was trained on."""
    names = [f"choices-{algorithm}" for algorithm in ("ppo", "a2c", "dqn")]
    cells = [cell for name in names for cell in stored(name)]
    if not cells:
        return ""
    header = {
        "en": ["return: random, learned, optimum", "training users", "held-out users", "steps", "processor seconds"],
        "zh": ["回报:随机,学到的,最优", "训练用户", "留出用户", "步数", "处理器秒数"],
    }[language]
    body: list[list[str]] = []
    for cell in cells:
        figures = cell.figures
        sides = [
            ", ".join(f"{figures[f'{split}.{what}']:.3f}" for what in ("random", "learned", "optimum"))
            for split in ("train", "test")
        ]
        label = f"{cell.name.removeprefix('choices-').upper()}, {cell.seed}"
        body.append([label, *sides, f"{figures['steps']:,}", f"{figures['processor_seconds']:.0f}"])
    return rows(header, body) + source(cells, language)


def rewrite_choices(language: str) -> str:
    """What choosing among edits reaches in rewrites: by chance, always the same way, learned, and at best."""
    reachable, learned = stored("rewrite-menu"), stored("rewrite-choices")
    if not reachable:
        return ""
    header = {
        "en": [
            "turns, dialogues right % (test)",
            "random",
            "best single edit",
            "PPO, each seed",
            "best edit each turn",
        ],
        "zh": ["正确的轮次与对话 %(测试集)", "随机", "最好的单一编辑", "PPO,各种子", "每轮最好的编辑"],
    }[language]
    body: list[list[str]] = []
    for world, figures in reachable[-1].figures.items():
        name, *single = figures["single"]
        seeds = [_shares(cell.figures[world]) for cell in learned if world in cell.figures]
        label = world if language == "en" else world.replace("generated, ", "生成的世界,")
        always = f"`{name}`: {_shares(single)}"
        body.append([label, _shares(figures["random"]), always, "; ".join(seeds), _shares(figures["ceiling"])])
    return rows(header, body) + source([*learned, *reachable], language, "make proof")


def _shares(figures: Sequence[float]) -> str:
    return ", ".join(f"{100 * share:.0f}" for share in figures)
