"""The pictures of the READMEs, drawn from the stored measurements: `python -m tests.figures`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from agents.report.figures import draw
from agents.report.run_folder import RunData
from tests.cells import RESULTS, stored

REGRET = RESULTS / "regret.svg"
CREDIT = {"dialogue-token": "credit per token", "dialogue-turn": "credit per turn"}


def draw_regret(path: Path = REGRET) -> None:
    """Draw what dialogues lose to the exact optimum while PPO learns, the mean over seeds with its 95 % interval."""
    runs = [*_learned()]
    ends = [row["update"] for row in runs[0].metrics]
    optimum = _run("exact optimum", 0, [{"update": update, "regret": 0.0} for update in ends])
    draw([*runs, optimum], ["regret"], path, x="update", width=5.0)


def _learned() -> Iterator[RunData]:
    """Yield the curves of all seeds; those of one kind of credit differ in their seed alone."""
    for name, label in CREDIT.items():
        for cell in stored(name):
            yield _run(label, cell.seed, cell.figures["curve"])


def _run(label: str, seed: int, curve: list[Mapping[str, float]]) -> RunData:
    return RunData(label, {"algorithm": label, "seed": seed}, curve, (), (), (), {})


if __name__ == "__main__":
    draw_regret()
