"""Callbacks: what else happens at every update."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from agents.trainer.checkpoint import checkpoint_name, prune
from textenvs.errors import UsageError

if TYPE_CHECKING:
    from agents.trainer.agent import Agent

_LOG = logging.getLogger(__name__)


class Callback:
    """Override what you need; every method does nothing."""

    def on_training_start(self, agent: Agent) -> None:
        """Run before the first update."""

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> bool | None:
        """Run after every update; return False to stop the training.

        What is added to `metrics` is written and shown with the rest.
        """

    def on_pause(self, agent: Agent) -> None:
        """Run wherever `agent.save` keeps everything: between updates, after a rollout, after every step of an update.

        It must not change the policy.
        """

    def on_training_end(self, agent: Agent) -> None:
        """Run after the last update, also when the training was interrupted or failed."""


Callbacks = Callback | Iterable[Callback] | None
"""What `learn` takes: one callback, several or none."""


class CallbackList(Callback):
    """Several callbacks as one; training stops when any of them says so."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.callbacks = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())

    def on_training_start(self, agent: Agent) -> None:
        """Tell each."""
        for callback in self.callbacks:
            callback.on_training_start(agent)

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> bool:
        """Tell each, also after one of them asked to stop."""
        answers = [callback.on_update(agent, metrics) for callback in self.callbacks]
        return all(answer is not False for answer in answers)

    def on_pause(self, agent: Agent) -> None:
        """Tell each."""
        for callback in self.callbacks:
            callback.on_pause(agent)

    def on_training_end(self, agent: Agent) -> None:
        """Tell each."""
        for callback in self.callbacks:
            callback.on_training_end(agent)


class LineWriter(Callback):
    """Appends to a file of JSON lines, each of which names its update.

    Args:
        path: of the file; its folder is made if absent.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_training_start(self, agent: Agent) -> None:
        """Drop the lines of updates that this agent has not made: a run that was killed wrote them."""
        reported = agent.trainer.update - (agent.trainer.unreported is not None)
        if self.path.exists():
            keep_updates(self.path, reported)

    def write(self, line: Mapping[str, object]) -> None:
        """Write one line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Half a surrogate pair, which UTF-8 cannot hold, becomes the escape that JSON has for it.
        with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(line, allow_nan=False, ensure_ascii=False) + "\n")


class MetricsWriter(LineWriter):
    """Writes every update's metrics; what is not finite is null."""

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        """Write one line."""
        self.write({name: value if math.isfinite(value) else None for name, value in metrics.items()})


class MetricsFeed(Callback):
    """Hands every update's metrics to a tracker: Weights & Biases, MLflow, trackio, or a list.

    ::

        agent.learn(20_000, callback=MetricsFeed(lambda metrics, update: wandb.log(metrics, step=update)))

    Args:
        write: is given the finite metrics by name, and the number of the update from 0.
    """

    def __init__(self, write: Callable[[Mapping[str, float], int], object]) -> None:
        self._write = write

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        """Hand them on."""
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        self._write(finite, int(metrics["update"]))


class TensorBoard(Callback):
    """Writes every update's metrics as TensorBoard event files; needs the extra ``tensorboard``.

    Args:
        folder: for the event files.

    Raises:
        UsageError: if TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UsageError("TensorBoard is not installed: pip install 'textenvs[tensorboard]'") from None
        self.folder = folder
        self._open = SummaryWriter
        self._writer: Any = None

    def on_training_start(self, agent: Agent) -> None:
        """Begin a file; what a killed run wrote of later updates is superseded."""
        self._writer = self._open(str(self.folder), purge_step=agent.trainer.update)

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        """Write them."""
        for name, value in metrics.items():
            if math.isfinite(value):
                self._writer.add_scalar(name, value, int(metrics["update"]))

    def on_training_end(self, agent: Agent) -> None:
        """Close the file."""
        self._writer.close()


class HealthWriter(LineWriter):
    """Writes every warning about the run's health when it is raised, and when it is cleared."""

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        """Write what this update has changed, if anything."""
        for event in agent.trainer.health.events:
            self.write(event.as_dict())


class HealthLog(Callback):
    """Logs every warning about the run's health with its remedy, once; Python prints it on standard error."""

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        """Log what this update has changed, if anything."""
        for event in agent.trainer.health.events:
            if event.raised:
                _LOG.warning("update %d, %s: %s. %s", event.update, event.warning, event.message, event.remedy)
            else:
                _LOG.info("update %d, %s is over: %s", event.update, event.warning, event.message)


def keep_updates(path: Path, updates: int) -> None:
    """Cut a file of JSON lines before the first line of update number `updates`, or before one left half written."""
    kept = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n") or json.loads(line)["update"] >= updates:
                break
            kept += len(line)
    os.truncate(path, kept)


class CheckpointWriter(Callback):
    """Save the agent every so many updates, and keep the newest few.

    Args:
        folder: that the checkpoints go into, named after update and minibatch.
        every: updates between two of them; 0 for none but those that are asked for.
        inside: save inside those updates too, after the rollout and after every minibatch.
        keep: how many stay.
    """

    def __init__(self, folder: Path, every: int, *, inside: bool = False, keep: int = 2) -> None:
        self.folder = folder
        self.every = every
        self.inside = inside
        self.keep = keep

    def on_pause(self, agent: Agent) -> None:
        """Save, if it is time."""
        update = agent.trainer.update
        under_way = agent.trainer.under_way is not None
        # An update under way is the one after those that are done.
        if self.every and (update + under_way) % self.every == 0 and (self.inside or not under_way):
            self.save(agent)

    def save(self, agent: Agent) -> Path:
        """Save now, and return where."""
        under_way = agent.trainer.under_way
        place = self.folder / checkpoint_name(agent.trainer.update, under_way and under_way.position)
        agent.save(place)
        prune(place, self.keep)
        return place


class ProgressBar(Callback):
    """Show progress: a bar on a terminal, a plain line now and then elsewhere.

    Args:
        updates: in this run.
        console: to write to; standard error, if not given.
        lines: about how many plain lines a whole run prints.
    """

    SHOWN = ("episode_return", "success", "entropy", "kl")

    def __init__(self, updates: int, console: Console | None = None, lines: int = 20) -> None:
        self.updates = updates
        self.console = console or Console(stderr=True)
        self.every = max(1, updates // lines)
        self._done = 0
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def on_training_start(self, agent: Agent) -> None:
        """Draw the empty bar."""
        if self.console.is_terminal:
            text = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*text, TextColumn("{task.fields[figures]}"), console=self.console)
            self._task = self._bar.add_task(agent.algorithm.name, total=self.updates, figures="")
            self._bar.start()

    def on_update(self, agent: Agent, metrics: dict[str, float]) -> None:
        """Move the bar, or print a line."""
        self._done += 1
        shown = [f"{name} {metrics[name]:.3g}" for name in self.SHOWN if math.isfinite(metrics.get(name, math.nan))]
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, figures="  ".join(shown))
        elif self._done % self.every == 0 or self._done == self.updates:
            self.console.print(f"update {self._done}/{self.updates}  " + "  ".join(shown), highlight=False)

    def on_training_end(self, agent: Agent) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.stop()
