"""The tables of rollouts in Ray's actors."""

from __future__ import annotations

from collections.abc import Sequence

from tests.cells import stored
from tests.markdown import rows, source

WAYS = ("inline", "thread", "ray 2", "ray 4")


def ray(language: str) -> str:
    """Episodes per second in this process and in actors, as steps become slower."""
    cells = stored("bench-ray")
    if not cells:
        return ""
    figures = cells[-1].figures
    header = {
        "en": ["a step sleeps", "inline", "threads", "Ray, 2 actors", "Ray, 4 actors"],
        "zh": ["每步等待", "本进程", "线程", "Ray,2 个 actor", "Ray,4 个 actor"],
    }[language]
    ways: Sequence[Sequence[float]] = [figures["rates"][way] for way in WAYS]
    body = [
        [f"{pause} ms", *(f"{rate:.1f}" for rate in each)]
        for pause, *each in zip(figures["pauses_ms"], *ways, strict=True)
    ]
    spent, even = {
        "en": ("processor, an episode", "one core: as fast as inline from"),
        "zh": ("每回合的处理器时间", "单核上从此与本进程一样快"),
    }[language]
    body.append([spent, *(f"{1000 * figures['cpu_s'][way]:.0f} ms" for way in WAYS)])
    body.append([even, "", "", *(f"{figures['break_even_ms'][actors]:.1f} ms" for actors in ("2", "4"))])
    return rows(header, body) + source(cells, language)


def ray_kills(language: str) -> str:
    """A minute on a cluster in which something is killed every ten seconds."""
    cells = stored("ray-kills")
    if not cells:
        return ""
    header = {
        "en": [
            "killed: processes, nodes",
            "updates, episodes",
            "actors lost with episodes",
            "lost, doubled or misplaced",
            "episodes that differ",
            "largest difference of a weight",
        ],
        "zh": [
            "杀掉的进程、节点",
            "更新、回合",
            "连同回合丢失的 actor",
            "丢失、重复或错位",
            "有差别的回合",
            "权重的最大差别",
        ],
    }[language]
    body = [
        [
            f"{cell.figures['killed']['process']}, {cell.figures['killed']['node']}",
            f"{cell.figures['updates']}, {cell.figures['episodes']}",
            str(cell.figures["lost_with_episodes"]),
            str(cell.figures["misplaced_or_duplicate"]),
            str(cell.figures["episodes_that_differ"]),
            f"{cell.figures['largest_difference_of_a_weight']:g}",
        ]
        for cell in cells
    ]
    return rows(header, body) + source(cells, language)
