"""What a supervised stage says while it runs: to whoever shows progress, and to the run folder."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from agents.trainer.callbacks import keep_updates

METRICS = "metrics.jsonl"
"""Name of the metrics in a run folder, one line for every few steps."""

Progress = Callable[[int, int, float], None]
"""Called after every step with (step, all steps, mean loss of late)."""


class Reporter(TrainerCallback):
    """Passes the trainer's progress on, and nothing else.

    Args:
        progress: what it is told to.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._loss = float("nan")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Remember the latest mean loss."""
        self._loss = (logs or {}).get("loss", self._loss)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Report one optimiser step."""
        self._progress(state.global_step, state.max_steps, self._loss)


class MetricsLog(TrainerCallback):
    """Writes what the trainer logs into the run folder, in the form that reports read.

    Args:
        folder: of the run; made if absent.
        batch_size: rows per step.
    """

    def __init__(self, folder: Path, batch_size: int) -> None:
        self._path = folder / METRICS
        self._batch_size = batch_size

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Drop the lines of steps that are made again: a run that was killed wrote them."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists():
            keep_updates(self._path, state.global_step + 1)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Write one line; a figure that is not finite is null."""
        if logs is None or "loss" not in logs:
            return
        counts = {"update": state.global_step, "episodes": state.global_step * self._batch_size}
        figures = {name: logs[name] for name in logs if name not in ("epoch", "num_tokens")}
        finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**counts, **finite}, allow_nan=False) + "\n")
