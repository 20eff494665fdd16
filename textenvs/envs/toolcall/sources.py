"""Where the tasks of one split come from: a benchmark's file, or one's own tasks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from textenvs.envs.toolcall.types import Task
from textenvs.errors import ConfigError
from textenvs.seeding import PassOrder, Split

_TEST, _VALID = 0.2, 0.1  # shares of the groups


def split_of(task: Task) -> Split:
    """Return the split of a task: its own, or one drawn by a hash of its group, so that splits are disjoint."""
    if task.split is not None:
        return task.split
    digest = hashlib.blake2b((task.group or task.opening).encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "little") / 2**64
    if place < _TEST:
        return "test"
    return "valid" if place < _TEST + _VALID else "train"


class TaskSource:
    """The tasks of one split, drawn without replacement in every pass.

    Args:
        tasks: of all splits.
        split: which part of them.
        name: of where they come from, for the error.

    Raises:
        ConfigError: if the split is empty.
    """

    def __init__(self, tasks: Sequence[Task], split: Split, name: str) -> None:
        self._tasks = tuple(task for task in tasks if split_of(task) == split)
        if not self._tasks:
            raise ConfigError(f'{name}: none of its {len(tasks)} tasks is in split={split!r}; rows may have a "split"')
        self._order = PassOrder(len(self._tasks))

    @property
    def n_items(self) -> int:
        """How many tasks there are."""
        return len(self._tasks)

    def draw(self, generator: np.random.Generator) -> int:
        """Draw the index of the next task."""
        return self._order.draw(generator)

    def task(self, index: int) -> Task:
        """Return the task with this index.

        Raises:
            ConfigError: if there are not so many.
        """
        if index >= len(self._tasks):
            raise ConfigError(f"index {index}: this split has the indices 0 to {len(self._tasks) - 1}")
        return self._tasks[index]
