"""Run folders made by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NUMBERS = {
    "advantage": [0.5, -1.25, 2.0],
    "logprob": [-0.1, -2.5, -0.01],
    "ratio": [1.1, 0.8, 1.0],
    "kl": [0.02, -0.3, 0.0],
    "entropy": [0.9, 0.1, 0.0],
    "value": [0.4, 0.3, 0.2],
    "trained": [1.0, 1.0, 0.0],
}


def interval(value: float) -> dict[str, float]:
    return {"estimate": value, "low": value - 0.1, "high": value + 0.1, "n": 20, "level": 0.95}


def episode(phase: str, index: int, success: float | None, said: str, reward: float | None = 1.0) -> dict[str, Any]:
    """An evaluated episode, a line of ``transcripts.jsonl``."""
    return {
        "phase": phase,
        "index": index,
        "task_id": f"task {index} {said}",
        "group": "zh",
        "success": success,
        "return": reward,
        "stop": "success" if success else said,
        "messages": [
            {"role": "assistant", "content": "an older turn"},
            {"role": "user", "content": said},
            {"role": "assistant", "content": said},
        ],
        "turns": [{"reward": reward, "parts": {said: None, "fluency": 0.5}}],
    }


def sampled(said: str = "hello", group: int = 0, success: float = 1.0, **changes: Any) -> dict[str, Any]:
    """A sampled episode of one turn and three tokens, as in ``samples.jsonl``."""
    turn = {
        "reward": success,
        "parts": {said: 0.5, "length": -0.25, "judge": None},
        "finish_reason": "stop",
        "invalid_action": False,
        "signs": [],
        "tokens": [said, " there", "<|im_end|>"],
        "numbers": NUMBERS,
        "left_out": 0,
    }
    turn |= {name: changes.pop(name) for name in list(changes) if name in turn}
    return {
        "task_id": f"task {said}",
        "group": group,
        "success": success,
        "return": success,
        "stop": "success" if success else "turn_budget",
        "messages": [
            {"role": "system", "content": "Say it."},
            {"role": "user", "content": said},
            {"role": "assistant", "content": f"{said} there"},
        ],
        "turns": [turn],
        **changes,
    }


def write_lines(path: Path, lines: Sequence[object]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def write_run(folder: Path, said: str = "hello", updates: int = 5) -> Path:
    """Write a run that says `said` wherever a run can say anything."""
    folder.mkdir(exist_ok=True)
    row = {"name": "success", "percent": True, "goal": True}
    row |= {"before": interval(0.4), "after": interval(0.8), "difference": interval(0.4)}
    evaluation = {
        "tables": [{"title": said, "rows": [row]}],
        "facts": {said: said},
        "notes": [said],
        "baselines": {said: {"success": interval(0.2)}},
    }
    metrics = [
        {"update": u, "episodes": 8.0 * u, "success": u / 10, "kl": None, "reward/fluency": 0.5, f"odd {said}": 1.0}
        for u in range(updates)
    ]
    (folder / "config.json").write_text(json.dumps({"env": {"id": said}, said: [said]}))
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    write_lines(folder / "metrics.jsonl", metrics)
    raised = [
        {"update": 1, "warning": f"{said} {n}", "raised": True, "message": said, "remedy": said} for n in range(2)
    ]
    health = [*raised, {"update": 3, "warning": f"{said} 0", "raised": False, "message": said, "remedy": ""}]
    write_lines(folder / "health.jsonl", health)
    write_lines(folder / "samples.jsonl", [{"update": 0, "episodes": [sampled(said, signs=[said])]}])
    lines = [episode("before", 0, 0.0, said), episode("after", 0, 1.0, said), episode("after", 1, None, said, None)]
    write_lines(folder / "transcripts.jsonl", lines)
    return folder
