"""The table of `tests.proofs.reward_model`: how good the model is, and what two policies made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.cells import stored
from tests.markdown import change, find_row, interval, rows, source

HEADERS = {
    "en": ["seed, run", "held-out pairs right", "model's score", "true success %", "paired difference", "alarm"],
    "zh": ["种子,训练", "留出偏好对判对", "模型评分", "真实成功率 %", "配对差", "警报"],
}
RUNS = {
    "en": {"with_kl": "with KL", "without_kl": "without KL, long steps"},
    "zh": {"with_kl": "有 KL", "without_kl": "无 KL,大步长"},
}


def reward_model(language: str) -> str:
    """Return the table; of the run without a leash, success is also given at its best."""
    cells = stored("reward-model")
    if not cells:
        return ""
    body: list[list[str]] = []
    for cell in cells:
        judged = interval(cell.figures["reward_model"]["accuracy"], 100)
        for run, label in RUNS[language].items():
            table, curve = cell.figures[run]["tables"][0], cell.figures[run]["curve"]
            success, score = (find_row(table, name) for name in ("success", "return"))
            best = f" ({max(100 * row['success'] for row in curve):.0f})" if run == "without_kl" else ""
            figures = [change(score, 1), change(success, 100) + best, interval(success["difference"], 100)]
            body.append([f"{cell.seed}, {label}", judged, *figures, _alarm(curve, language)])
    return rows(HEADERS[language], body) + source(cells, language)


def _alarm(curve: Sequence[Mapping[str, float]], language: str) -> str:
    """Return the update at which reward hacking was first warned of."""
    first = next((number for number, row in enumerate(curve, 1) if row["alarm"]), None)
    return "–" if first is None else {"en": f"update {first}", "zh": f"第 {first} 次更新"}[language]
